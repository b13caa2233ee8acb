/*
 * terminator.pml - what the messages are, the Terminating End-Point, and the claims. Included by safety.pml and progress.pml.
 *
 * Messages are terms, not octets. What can be told apart on the wire has another number here:
 *   M1   the ClientHello's random: 1..RUNS are the honest initiator's, one for each of its runs; the attacker's all are STRANGE
 *   M2   the number of the context that answers (the ServerHello's random), signed over M1, M2 and the server's certificate
 *   M3   whose certificate; who signed; what the signature covers (M1, M2, server); whose ECDH share; is Finished right
 *   M4   the number of the context; its Finished tells that context's key
 * A key is made of M1, M2 and both shares; its identifier tells M1 and M2. Only the owner of a share knows the key.
 */
#define NOBODY 0
#define HONEST 1 /* an initiator that keeps to the procedure; also its names: From, certificate */
#define EVE 2    /* the attacker, who has a name of its own too */
#define TEP 3    /* the terminating end-point */
#define OWN_WAY 1   /* who brought M1: on the honest initiator's way to the terminator, */
#define ELSEWHERE 2 /* from elsewhere, */
#define ALIBI 3     /* or from a third place (-DSOURCES=3) */
#define STRANGE (RUNS + 1) /* an M1 of the attacker; no two are the same: what a repeated one gets is M2 again, which is no use */
#define LETTER(who) (who == HONEST -> 'H' : (who == EVE -> 'E' : 'T'))

#ifndef K
#define K 2 /* pending contexts for one From that one source may bring (R-HS-31), twice as many in all; 4 in the product */
#endif
#ifndef RUNS
#define RUNS 2 /* runs that the honest initiator may begin */
#endif
#ifndef CONTEXTS
#define CONTEXTS 3 /* contexts that the terminator may open in all */
#endif
#ifndef SOURCES
#define SOURCES 2
#endif

/* The claims. -DONLY=n checks one of them, so that a fault is seen to break the one it should break. */
#define SAME_KEY 1    /* what the initiator takes for a key, the terminator has on disk: the same key under that identifier */
#define AGREEMENT 2   /* a key under the honest name comes of a run in which the honest one took part, with this terminator */
#define OWN_NAME 3    /* under the attacker's name there is only what it made itself */
#define BOUNDED 4     /* pending contexts of one From <= 2 K, of one source <= K */
#define NOT_REMOVED 5 /* no message takes away a context with which the honest run under way could still complete */
#define ONCE 6        /* a context makes one key; who asks again for the M4 of a stored key gets it */
#define NEWEST 7      /* the terminator's newest key for the peer is not older than the initiator's */
#define SERVED 8      /* a new M1 by the honest one's own way is put off only if K places were taken by that way */
#define COMPLETES 9   /* not an assertion: the formula of progress.pml */
#ifndef ONLY
#define ONLY 0
#endif
#define CLAIM(number, holds) assert((ONLY != 0 && ONLY != number) || (holds))

/* ---- the honest initiator: what claims have to know of it -------------------------------------------------------- */

#define IDLE 0
#define WAIT2 2
#define WAIT4 4
byte i_state;
byte i_run;               /* the present run, or the last; its number is its M1 */
byte i_with;              /* towards whom: TEP or EVE */
byte i_context[RUNS + 1]; /* the M2 that a run took: its M3 has been sent */
byte i_server[RUNS + 1];  /* whose certificate came with that M2 */
byte i_newest;            /* on disk: the newest key with TEP is of this run; 0 = none */

/* ---- the terminator ----------------------------------------------------------------------------------------------- */

#define UNUSED 0
#define PENDING 1
#define COMPLETE 2
#define GONE 3
#define SPENT 4 /* M3 was good, and the store did not take the key: the same M3 tries again */
byte opened; /* contexts so far; the higher number is the younger context */

/* In memory. */
byte c_is[CONTEXTS + 1], c_from[CONTEXTS + 1], c_m1[CONTEXTS + 1];
byte c_source[CONTEXTS + 1]; /* who brought M1 */
byte c_share[CONTEXTS + 1]; /* the share in the M3 that completed it, */
byte c_m3[CONTEXTS + 1];    /* and that M3 as a whole, where the store has not taken the key */
byte old;                   /* contexts up to this number are past their grace time */
byte half;                  /* M3 is answered in two steps: the context between them */

/* On disk. */
byte k_peer[CONTEXTS + 1];  /* under whose name the key of this context is stored */
byte k_run;                 /* of which M1 the newest key under the honest name is */
byte r_m3[3], r_context[3]; /* of each From: the last M3 that was answered, and the M4 */

/* On the wire. */
bool m4[CONTEXTS + 1];

hidden byte each, the_found, the_count, the_answer, the_goes;
hidden byte of_source[SOURCES + 1];

/* A context that takes a place. */
#define HELD(c) (c_is[c] == PENDING || c_is[c] == SPENT)

/* A context with which the honest run under way could still complete. */
#define LIVE(c) ((c_is[c] == PENDING || (c_is[c] == SPENT && c_m3[c] == i_run)) && \
                 c_from[c] == HONEST && c_m1[c] == i_run && i_with == TEP && \
                 (i_state == WAIT2 || (i_state == WAIT4 && i_context[i_run] == c)))

/* A context goes because of a message. */
inline remove(which, excused) {
    printf("      context %d goes\n", which);
    CLAIM(NOT_REMOVED, !LIVE(which) || (excused));
    c_is[which] = GONE
}

/* the_count contexts are pending for this From, the_found is the oldest. */
inline count_pending(from) {
    the_count = 0;
    the_found = 0;
    for (each : 1 .. opened) {
        if
        :: HELD(each) && c_from[each] == from ->
            the_count++;
            the_found = (the_found == 0 -> each : the_found)
        :: else
        fi
    }
}

inline open_context(from, m1, source) {
    opened++;
    c_is[opened] = PENDING;
    c_from[opened] = from;
    c_m1[opened] = m1;
    c_source[opened] = source;
    the_answer = opened;
    printf("      context %d is opened\n", opened);
    count_pending(from);
    count_sources(from);
    CLAIM(BOUNDED, the_count <= 2 * K && of_source[source] <= K)
}

#ifdef FAULT_NO_SOURCES
#define PLACES K
#else
#define PLACES (2 * K)
#endif

inline count_sources(from) {
    for (each : 1 .. SOURCES) {
        of_source[each] = 0
    }
    for (each : 1 .. opened) {
        if
        :: HELD(each) && c_from[each] == from -> of_source[c_source[each]]++
        :: else
        fi
    }
}

/*
 * There is no place; the_goes: whose place a new one takes, 0 = nobody's. Where its source has had its share, the oldest of that
 * source, else the oldest of all: if it is not young any more.
 */
inline who_goes(from, source) {
    the_goes = 0;
    for (each : 1 .. opened) {
        if
        :: HELD(each) && c_from[each] == from && the_goes == 0 && (of_source[source] < K || c_source[each] == source) ->
            the_goes = each
        :: else
        fi
    }
#ifndef FAULT_NO_GRACE
    the_goes = (the_goes <= old -> the_goes : 0)
#endif
}

/* M1 arrives. the_answer: M2; 0 = there is no place, try later. */
inline take_m1(from, m1, source) {
    printf("  T <- M1 %d, From %c, source %d\n", m1, LETTER(from), source);
    the_answer = 0;
    for (each : 1 .. opened) {
        if
        :: HELD(each) && c_from[each] == from && c_m1[each] == m1 && m1 != STRANGE ->
            the_answer = each /* the same again: the same M2 */
        :: else
        fi
    }
    count_pending(from);
    count_sources(from);
    if
    :: the_answer != 0 || opened == CONTEXTS
#ifdef FAULT_NO_EVICTION
    :: the_answer == 0 && opened < CONTEXTS -> open_context(from, m1, source)
#else
    :: the_answer == 0 && opened < CONTEXTS && the_count < PLACES && of_source[source] < K -> open_context(from, m1, source)
    :: the_answer == 0 && opened < CONTEXTS && (the_count >= PLACES || of_source[source] >= K) ->
        who_goes(from, source);
        if
        :: the_goes != 0 ->
            remove(the_goes, false);
            open_context(from, m1, source)
        :: else ->
            printf("  T -> try later\n");
            CLAIM(SERVED, source != OWN_WAY || of_source[OWN_WAY] >= K)
        fi
#endif
    fi
}

/* The oldest context that is young comes to the end of its grace time. A run is assumed to take less than that. */
#ifdef SLOW_RUNS
#define MAY_AGE (old < opened)
#else
#define MAY_AGE (old < opened && !LIVE(old + 1))
#endif

/*
 * What else is pending for a From that has got a key goes (R-HS-34). If the key is that of an M3 that came late, of a run that
 * has ended, then a younger context may be one that is still wanted: that is the price of the rule, and LATE_COUNTS puts it on
 * the bill. -DDROP_OLDER is a rule without it: what is younger stays.
 */
#if defined(DROP_OLDER)
#define DROPS(each, which) (each < which)
#else
#define DROPS(each, which) (true)
#endif
#ifdef LATE_COUNTS
#define EXCUSE_LATE(each, which) false
#else
#define EXCUSE_LATE(each, which) (each > which)
#endif

/* One transaction: the key, and (where it is called) the answer. Then the others go. */
inline keep(which, from) {
    printf("      key of context %d is stored under %c\n", which, LETTER(from));
    CLAIM(ONCE, k_peer[which] == NOBODY);
    CLAIM(AGREEMENT, from != HONEST || (c_share[which] == HONEST && c_m1[which] <= RUNS && i_context[c_m1[which]] == which &&
                                        i_server[c_m1[which]] == TEP));
    CLAIM(OWN_NAME, from != EVE || c_share[which] == EVE);
    k_peer[which] = from;
    if
    :: from == HONEST ->
        k_run = c_m1[which];
        CLAIM(NEWEST, k_run >= i_newest)
    :: else
    fi;
#ifndef FAULT_DROP_NONE
    for (each : 1 .. opened) {
        if
        :: HELD(each) && c_from[each] == from && DROPS(each, which) -> remove(each, EXCUSE_LATE(each, which))
        :: else
        fi
    }
#endif
}

inline complete(octets, from, share) {
    half = the_found;
    c_is[half] = COMPLETE;
    c_share[half] = share;
    c_m3[half] = 0;
#ifdef FAULT_SEND_FIRST
    m4[half] = true;
#else
    keep(half, from);
#endif
    r_m3[from] = octets;
    r_context[from] = half
}

/* M3 is good. Is the store full at the moment? Then the answer is 5000, which is not final. */
inline complete_or_not(octets, from, share, store_fails) {
    if
    :: !(store_fails) -> complete(octets, from, share)
    :: (store_fails) ->
        printf("      the store does not take the key of context %d\n", the_found);
#ifdef FAULT_STORE_SPENDS
        remove(the_found, false)
#else
        c_is[the_found] = SPENT;
        c_share[the_found] = share;
        c_m3[the_found] = octets
#endif
    fi
}

/* Without a crash in between, the second step of answering M3. */
inline second_step() {
    printf("  T -> M4 of context %d\n", half);
    the_answer = half;
#ifdef FAULT_SEND_FIRST
    keep(half, c_from[half]);
#else
    m4[half] = true;
#endif
    half = 0
}

/* What the signature of M3 says about a context. M2s are unique, so it fits one context or none. */
#ifdef FAULT_NO_SIGNATURE
#define SIGNED(c, cert, signer, m1, m2, server) (m1 == c_m1[c] && m2 == c && server == TEP)
#else
#define SIGNED(c, cert, signer, m1, m2, server) (signer == cert && m1 == c_m1[c] && m2 == c && server == TEP)
#endif

#ifdef FAULT_NO_IDENTITY
#define IDENTITY(cert, from) true
#else
#define IDENTITY(cert, from) (cert == from)
#endif

/* R-HS-37: which context does M3 get? */
#if defined(FAULT_FROM_ONLY)
#define CHOSEN(c, cert, signer, m1, m2, server, from) true
#elif defined(FAULT_IDENTITY_LATE)
#define CHOSEN(c, cert, signer, m1, m2, server, from) SIGNED(c, cert, signer, m1, m2, server)
#else
#define CHOSEN(c, cert, signer, m1, m2, server, from) (SIGNED(c, cert, signer, m1, m2, server) && IDENTITY(cert, from))
#endif

inline choose(from, cert, signer, m1, m2, server) {
    the_found = 0;
    for (each : 1 .. opened) {
        if
        :: c_is[each] == PENDING && c_from[each] == from && CHOSEN(each, cert, signer, m1, m2, server, from) -> the_found = each
        :: else
        fi
    }
}

/* the_found: the context that this M3 has completed, and whose key the store did not take; 0 = none. */
inline find_spent(octets, from) {
    the_found = 0;
    for (each : 1 .. opened) {
        if
        :: c_is[each] == SPENT && c_from[each] == from && c_m3[each] == octets -> the_found = each
        :: else
        fi
    }
}

/*
 * M3 arrives; octets: what it is as a whole. the_answer: M4 if it leaves at once. Else half != 0: it leaves in the second step;
 * the_found != 0: try later, the store has failed; both 0: a refusal.
 */
inline take_m3(octets, from, cert, signer, m1, m2, server, share, finished, store_fails, excused) {
    printf("  T <- M3 of M1 %d and context %d, From %c, certificate %c, signer %c, Finished %d\n", m1, m2, LETTER(from),
           LETTER(cert), (signer == NOBODY -> '-' : LETTER(signer)), (finished));
    the_answer = 0;
    the_found = 0;
    if
    :: r_m3[from] == octets ->
        printf("  T -> M4 again\n");
        the_answer = r_context[from]; /* the same again: the same M4 */
        m4[the_answer] = true
    :: else ->
        find_spent(octets, from);
        if
        :: the_found != 0 -> complete_or_not(octets, from, c_share[the_found], store_fails)
        :: else ->
            choose(from, cert, signer, m1, m2, server);
            if
            :: the_found == 0 -> /* refused, nothing is touched */
                CLAIM(ONCE, !(from == HONEST && octets == i_run && i_state == WAIT4 && i_with == TEP &&
                              k_peer[i_context[i_run]] == HONEST))
            :: the_found != 0 && SIGNED(the_found, cert, signer, m1, m2, server) && IDENTITY(cert, from) && (finished) ->
                complete_or_not(octets, from, share, store_fails)
            :: else -> /* TLS does not forgive: the context is spent */
                remove(the_found, excused);
                the_found = 0
            fi
        fi
    fi
}

/* Keys and answers survive; pending contexts and what was under way do not. */
inline crash_terminator() {
    printf("  T crashes, and comes back\n");
    for (each : 1 .. opened) {
        if
        :: HELD(each) -> c_is[each] = GONE
        :: else
        fi
    }
    half = 0;
#ifdef FAULT_REPLAY_FORGOTTEN
    for (each : HONEST .. EVE) {
        r_m3[each] = 0;
        r_context[each] = 0
    }
#endif
}

/*
 * Equal futures, equal states: what can have no effect any more is forgotten after each step, which is contexts that are gone,
 * M3 of a run that has ended whose context is gone, answers to a run that has ended (a replay window ends after the run).
 * -DREMEMBER keeps it all: the same verdicts, with many times the states.
 */
inline forget() {
#ifndef REMEMBER
    for (each : 1 .. opened) {
        if
        :: HELD(each) || each == half || (i_state == WAIT2 && c_m1[each] == i_run) ||
           (i_state == WAIT4 && each == i_context[i_run])
        :: else ->
            c_is[each] = GONE;
            c_from[each] = 0;
            c_m1[each] = 0;
            c_source[each] = 0;
            c_share[each] = 0;
            c_m3[each] = 0;
            k_peer[each] = 0;
            m4[each] = false
        fi
    }
    for (each : 1 .. i_run) {
        if
        :: i_context[each] == 0 || HELD(i_context[each]) || (each == i_run && i_state == WAIT4) || i_context[each] == half
        :: else ->
            i_context[each] = 0;
            i_server[each] = 0
        fi
    }
    for (each : HONEST .. EVE) {
        if
        :: i_state == WAIT4 && r_context[each] == i_context[i_run]
        :: else ->
            r_m3[each] = 0;
            r_context[each] = 0
        fi
    }
#endif
    do
    :: old < opened && !HELD(old + 1) -> old++ /* what is gone is as good as old */
    :: else -> break
    od;
    each = 0 /* a d_step must not end with a loop */
}

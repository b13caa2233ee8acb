/*
 * safety.pml - anything, in any order. The network is the set of all that was ever sent: whoever receives takes any element of
 * it, any number of times, or never. That is loss, repetition, delay and reordering in one, and the attacker hears everything.
 */
#include "terminator.pml"

#define FORGED 100  /* an M3 with the honest certificate, signed by nobody */
#define SPLICED 101 /* an honest M3 up to its signature, with another Finished */
#ifdef SPLICE_COUNTS
#define EXCUSE_SPLICE false
#else
#define EXCUSE_SPLICE true
#endif
/* Whether M1 of others, and late ones of earlier runs, come by the honest one's way, too: through the same relay, say. */
#ifdef SHARED_WAY
#define FLOOD OWN_WAY
#else
#define FLOOD ELSEWHERE
#endif

hidden byte n_from, n_source, n_octets, n_cert, n_signer, n_m1, n_context, n_server;
hidden byte n_finished, n_full;

inline end_run() {
    printf("H ends run %d\n", i_run);
    i_state = IDLE;
    i_with = NOBODY
}

inline take_m4() {
    printf("H <- M4 of context %d: a key with %c\n", i_context[i_run], LETTER(i_with));
    if
    :: i_with == TEP ->
        i_newest = i_run;
        CLAIM(SAME_KEY, k_peer[i_context[i_run]] == HONEST && c_m1[i_context[i_run]] == i_run && i_server[i_run] == TEP &&
                        c_share[i_context[i_run]] == HONEST);
        CLAIM(NEWEST, k_run >= i_newest)
    :: else /* a key with the attacker, under the attacker's name */
    fi;
    end_run()
}

inline take_m2(context, server) {
    printf("H <- M2 %d, certificate %c\n", context, LETTER(server));
    i_context[i_run] = context;
    i_server[i_run] = server;
    i_state = WAIT4;
#ifdef FAULT_KEY_BEFORE_M4
    take_m4()
#endif
}

active proctype Initiator() {
    do
    :: atomic {
        if
        :: i_state == IDLE && i_run < RUNS -> /* M1 is sent; later ones are for another key, or after a failure */
            if
            :: i_with = TEP
            :: i_with = EVE
            fi;
            d_step {
                i_run++;
                i_state = WAIT2;
                printf("H begins run %d towards %c\n", i_run, LETTER(i_with))
            }
        :: i_state == WAIT2 && opened > 0 ->
            select(n_context : 1 .. opened);
            skip;
            d_step {
                if
                :: i_with == TEP && c_m1[n_context] == i_run -> take_m2(n_context, TEP)
#ifdef FAULT_ANY_SERVER
                :: i_with == TEP && c_m1[n_context] != i_run -> take_m2(n_context, EVE)
#endif
                :: i_with == EVE -> take_m2(n_context, EVE) /* its own, with the random of an M2 that it saw */
                :: else
                fi
            }
        :: d_step { i_state == WAIT4 &&
                    (i_server[i_run] == EVE || (m4[i_context[i_run]] && c_share[i_context[i_run]] == HONEST)) ->
            take_m4() }
        :: d_step { i_state != IDLE -> end_run() } /* tired of repeating; or an error, an answer that is none, a crash: no key */
        fi;
        d_step { forget() } }
    od
}

/*
 * The M3 that arrives: of the honest one, the same with another Finished, the attacker's own, or one with the honest certificate.
 * And whether the store has room at that moment.
 */
inline some_m3() {
    n_octets = 0;
    if
    :: n_full = false
    :: n_full = true
    fi;
    if
    :: i_run > 0 ->
        select(n_m1 : 1 .. i_run);
        n_context = i_context[n_m1];
        if
        :: n_context == 0
        :: n_context != 0 -> n_octets = n_m1; n_finished = (i_server[n_m1] == TEP)
        :: n_context != 0 -> n_octets = SPLICED; n_finished = false
        fi;
        n_cert = HONEST; n_signer = HONEST; n_server = i_server[n_m1]
    :: opened > 0 ->
        select(n_context : 1 .. opened);
        if
        :: n_octets = RUNS + n_context; n_cert = EVE; n_signer = EVE
        :: n_octets = FORGED; n_cert = HONEST; n_signer = NOBODY
        fi;
        n_m1 = c_m1[n_context]; n_server = TEP; n_finished = true
    fi
}

/* Deliveries to the terminator, and what happens to it. */
active proctype Terminator() {
    do
    :: atomic {
        if
        :: half == 0 && opened < CONTEXTS -> /* M1. One of an old run is as good as one of the attacker's: no M3 comes for it */
            if
            :: n_from = EVE; n_m1 = STRANGE; n_source = ELSEWHERE
            :: n_from = HONEST; n_m1 = STRANGE; select(n_source : FLOOD .. SOURCES)
            :: i_run > 0 -> n_from = EVE; n_m1 = i_run; n_source = ELSEWHERE
            :: i_run > 0 -> n_from = HONEST; n_m1 = i_run; select(n_source : 1 .. SOURCES)
            fi;
            skip;
            d_step { take_m1(n_from, n_m1, n_source) }
        :: half == 0 && (i_run > 0 || opened > 0) -> /* M3, under any From */
            select(n_from : HONEST .. EVE);
            some_m3();
            d_step {
                if
                :: n_octets != 0 ->
                    take_m3(n_octets, n_from, n_cert, n_signer, n_m1, n_context, n_server,
                            (n_octets == SPLICED || n_octets <= RUNS -> HONEST : EVE), n_finished, n_full,
                            (n_octets == SPLICED && EXCUSE_SPLICE))
                :: else
                fi
            }
        :: d_step { half != 0 -> second_step() }
        :: d_step { opened > 0 -> crash_terminator(); each = 0 }
        :: d_step { MAY_AGE ->
            old++;
            printf("      context %d is not young any more\n", old) }
        :: opened > 0 -> /* a deadline, of any context: there are no clocks here */
            select(n_context : 1 .. opened);
            skip;
            d_step {
                if
                :: HELD(n_context) ->
                    printf("      context %d passes its deadline\n", n_context);
                    c_is[n_context] = GONE
                :: else
                fi
            }
        fi;
        d_step { forget() } }
    od
}

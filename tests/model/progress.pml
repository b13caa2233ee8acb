/*
 * progress.pml - an honest run completes. Trouble has a budget: LOSSES requests or answers get lost, either end crashes CRASHES
 * times, the store is full FULL times when a key comes, FORGED_M1 contexts are opened by strangers, SPLICES genuine M3 get
 * another Finished and arrive first. Repetitions and M3 that fit nothing are free: there may be infinitely many.
 *
 * RUNS is just what the budget costs, so the model also says that what a stranger forges and a full store cost the honest
 * initiator not one run, a splice one, and a crash of the terminator one. A crash of the initiator costs its run, and where the
 * M3 of that was on its way the next run too: its context is dropped when that M3 comes late (R-HS-34).
 */
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef FORGED_M1
#define FORGED_M1 2
#endif
#ifndef SPLICES
#define SPLICES 1
#endif
#ifndef FULL
#define FULL 1
#endif
#ifndef RUNS
#ifdef DROP_OLDER
#define RUNS (1 + 2 * CRASHES + SPLICES)
#else
#define RUNS (1 + 3 * CRASHES + SPLICES)
#endif
#endif
#define CONTEXTS (RUNS + CRASHES + FORGED_M1)
#include "terminator.pml"

#define REPEATS (LOSSES + CRASHES) /* of one message: as often as an answer may fail to come */
#define FORGED 100
#define SPLICED 101

/* The exchange of the honest initiator: one request at a time. A late answer has the wrong request identifier and is nothing. */
mtype = { NOTHING, REQUEST, HALFWAY, ANSWER, REFUSED, BUSY, LOST };
mtype wire = NOTHING;
byte answer; /* the M2 */

byte repeats, losses, forged, splices, crashes, i_crashes, fulls;
bool failed;

#define done (i_newest != 0)
#define kept (i_state == WAIT4 && k_run == i_run)

#ifdef INSIST
ltl completes { [] (kept -> <> done) }
#else
ltl completes { <> done }
#endif

/* As the product does: repeat what is lost, a new run after a refusal, and give up when the numbers are used up. */
active proctype Initiator() {
    do
    :: d_step { i_state == IDLE && !done && !failed && i_run < RUNS ->
        i_run++;
        printf("H begins run %d\n", i_run);
        i_with = TEP;
        i_state = WAIT2;
        repeats = 0;
        wire = REQUEST;
        forget() }
    :: d_step { wire == LOST && repeats < REPEATS ->
        repeats++;
        printf("H repeats its message\n");
        wire = REQUEST }
    :: d_step { wire == BUSY -> /* 5000: again later; that this is before the initiator gives up is assumed */
        printf("H <- try later\n");
        wire = REQUEST }
    :: d_step { i_state == WAIT2 && wire == ANSWER ->
        printf("H <- M2 %d\n", answer);
        i_context[i_run] = answer;
        i_server[i_run] = TEP;
        answer = 0;
        i_state = WAIT4;
        repeats = 0;
        wire = REQUEST;
        forget() }
    :: d_step { i_state == WAIT4 && wire == ANSWER ->
        printf("H <- M4 of context %d: a key\n", i_context[i_run]);
        CLAIM(SAME_KEY, k_peer[i_context[i_run]] == HONEST && c_m1[i_context[i_run]] == i_run &&
                        c_share[i_context[i_run]] == HONEST);
        i_newest = i_run;
        i_state = IDLE;
        wire = NOTHING;
        forget() }
    :: d_step { wire == REFUSED ->
        printf("H <- a refusal\n");
        if
#ifdef INSIST
        :: i_state == WAIT4 -> wire = REQUEST /* it counts on the terminator's memory */
#endif
        :: else ->
            i_state = IDLE;
            wire = NOTHING
        fi;
        forget() }
    :: d_step { !failed && ((wire == LOST && repeats == REPEATS) || (i_state == IDLE && !done && i_run == RUNS)) ->
        failed = true;
        printf("H gives up\n");
        i_state = IDLE;
        wire = NOTHING;
        forget() }
    od
}

/* The terminator, serving the honest initiator. */
active proctype Terminator() {
    do
    :: d_step { wire == REQUEST && half == 0 ->
        if
        :: i_state == WAIT2 ->
            assert(opened < CONTEXTS || c_m1[opened] == i_run); /* here the model would end, not the procedure */
            take_m1(HONEST, i_run, OWN_WAY);
            answer = the_answer;
            wire = (the_answer != 0 -> ANSWER : BUSY)
        :: else ->
            take_m3(i_run, HONEST, HONEST, HONEST, i_run, i_context[i_run], TEP, HONEST, true, false, false);
            wire = (the_answer != 0 -> ANSWER : (half != 0 -> HALFWAY : REFUSED))
        fi;
        forget() }
    :: d_step { wire == REQUEST && half == 0 && i_state == WAIT4 && fulls < FULL ->
        take_m3(i_run, HONEST, HONEST, HONEST, i_run, i_context[i_run], TEP, HONEST, true, true, false);
        fulls = (the_answer == 0 && the_found != 0 -> fulls + 1 : fulls);
        wire = (the_answer != 0 -> ANSWER : (the_found != 0 -> BUSY : REFUSED));
        forget() }
    :: d_step { half != 0 ->
        second_step();
        wire = (wire == HALFWAY -> ANSWER : wire);
        forget() }
    od
}

hidden byte s_context, s_run;

/* Strangers: what comes of it goes to them. */
active proctype Strangers() {
    do
    :: d_step { half == 0 && forged < FORGED_M1 -> /* of the attacker; opens a context */
        take_m1(HONEST, STRANGE, ELSEWHERE);
        forged++;
        forget() }
    :: d_step { half == 0 && forged < FORGED_M1 && i_run > 0 -> /* a late or repeated M1 of the honest one; may open one */
        s_context = opened;
        take_m1(HONEST, i_run, ELSEWHERE);
        forged = (opened > s_context -> forged + 1 : forged);
        forget() }
    :: atomic { half == 0 && i_run > 0 -> /* an honest M3, repeated or late; or with another Finished */
        select(s_run : 1 .. i_run);
        if
        :: d_step { i_context[s_run] != 0 ->
            take_m3(s_run, HONEST, HONEST, HONEST, s_run, i_context[s_run], TEP, HONEST, true, false, false);
            forget() }
        :: d_step { i_context[s_run] != 0 && splices < SPLICES ->
            splices++;
            take_m3(SPLICED, HONEST, HONEST, HONEST, s_run, i_context[s_run], TEP, HONEST, false, false, true);
            forget() }
        :: else
        fi }
    :: atomic { half == 0 && opened > 0 -> /* M3 that fits nothing */
        select(s_context : 1 .. opened);
        if
        :: d_step {
            take_m3(RUNS + s_context, HONEST, EVE, EVE, c_m1[s_context], s_context, TEP, EVE, true, false, false);
            forget() }
        :: d_step {
            take_m3(FORGED, HONEST, HONEST, NOBODY, c_m1[s_context], s_context, TEP, EVE, true, false, false);
            forget() }
        fi }
    od
}

active proctype Trouble() {
    do
    :: d_step { losses < LOSSES && (wire == REQUEST || wire == ANSWER || wire == REFUSED || wire == BUSY) ->
        losses++;
        printf("    %e is lost\n", wire);
        answer = 0;
        wire = LOST }
    :: d_step { crashes < CRASHES ->
        crashes++;
        crash_terminator();
        wire = (wire == HALFWAY -> LOST : wire);
        forget() }
#ifndef INSIST
    :: d_step { i_crashes < CRASHES && i_state != IDLE -> /* the run is gone; who wants a key asks for another */
        i_crashes++;
        printf("H crashes\n");
        i_state = IDLE;
        answer = 0;
        wire = NOTHING;
        forget() }
#endif
    od
}

active proctype Time() {
    do
    :: d_step { MAY_AGE ->
        old++;
        forget() }
    od
}

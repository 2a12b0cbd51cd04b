/* Understudy's lease and promotion protocol for one service and two sites. README.md says how to read and run it.
 *
 * Time is counted in ticks of a true clock that nobody can see. A host's clock errs by at most 1/RATE (rho). So a guard's
 * wait of d takes at most SLOW(d) ticks, an orchestrator's at least FAST(d). What lies between needs no further case:
 * a workload may end at any time before its deadline, an orchestrator may act at any time after its wait. */
#ifndef G
#define G 5                             /* the lease's length, on the guard's clock */
#endif
#ifndef K
#define K 2                             /* the worst time to kill a workload, in ticks */
#endif
#ifndef RATE
#define RATE 5                          /* rho = 1/5 = 20 % */
#endif
#ifndef W
#define W 11                            /* (G/(1-rho) + K)*(1+rho) + margin = 9.9 + margin; the margin pays for whole ticks */
#endif
#ifndef LAST
#define LAST 3                          /* epochs: 1 is granted to site 0 at first, then come LAST - 1 promotions */
#endif
#define RENEW 2                         /* the renew interval; looked at only when faults are over */
#define SLOW(d) (((d) * RATE + RATE - 2) / (RATE - 1))
#define FAST(d) (((d) * RATE + RATE) / (RATE + 1))

mtype = { NONE, ASKED, YES, NO };                  /* a request: none, on its way to the register, its answer on the way back */
mtype = { ACTIVE, REVOKE, FENCE, GRANT, DOWN };    /* the orchestrator; DOWN after a crash */

/* The register: changed by compare-and-swap only. */
byte epoch = 1;
bit  holder = 0;
bool revoked = false;

typedef Site {
  bool running = false;                 /* the workload */
  bool stopping = false;                /* it was told to end, and has `kill` ticks left */
  byte kill = 0;
  byte deadline = 0;                    /* ticks until it must be told to end */
  bool frozen = false;                  /* the guard: SIGSTOP, a paused VM */
  byte wants = 0;                       /* the epoch that the guard renews; 0: passive */
  bool starting = false;                /* the guard looked at the deadline and is about to start the workload */
  mtype renew = NONE;
  byte lease = 0;                       /* ticks until that renewal's lease ends, counted from its sending */
  byte activate = 0                     /* the epoch of an order `activate` on its way; 0: none */
};
Site site[2];

typedef Request { mtype state = NONE; mtype op = NONE; byte known = 0; bit to = 0 };
Request request;                        /* the orchestrator's request to the register */
Request stray;                          /* an older one that it gave up, and that may still arrive */

mtype step = ACTIVE;                    /* the orchestrator's memory, all of it lost in a crash: where it is, ... */
byte  known = 1;                        /* ... the newest epoch it knows, ... */
bit   where = 0;                        /* ... the site that has it, ... */
byte  wait = 0;                         /* ... and the ticks of W that are left */
bool  said = false;                     /* with faults over it gives at most one order a tick */

bool calm = false;                      /* faults are over */

#ifdef NO_WATCHDOG
#define guarded(s) (!site[s].frozen)
#else
#define guarded(s) true                 /* the guard, or the watchdog in its place */
#endif

/* ---- the guard ---- */

inline forget(s) { site[s].wants = 0; site[s].starting = false; site[s].renew = NONE; site[s].lease = 0 }

inline end_workload(s) { site[s].stopping = true; site[s].kill = K; site[s].deadline = 0 }

inline died(s) { site[s].running = false; site[s].stopping = false; site[s].kill = 0; site[s].deadline = 0 }

inline send_renewal(s) { site[s].renew = ASKED; site[s].lease = SLOW(G) }

inline take_renewal(s) {
  if
  :: site[s].renew == NO ->
     forget(s);
     if
     :: site[s].running && !site[s].stopping -> end_workload(s)
     :: else
     fi
#ifdef DEADLINE_FROM_ANSWER
  :: site[s].renew == YES ->
     site[s].deadline = SLOW(G); site[s].starting = !site[s].running
#else
  :: site[s].renew == YES && site[s].lease > 0 ->
     site[s].deadline = site[s].lease; site[s].starting = !site[s].running
  :: site[s].renew == YES && site[s].lease == 0         /* too late: it revives nothing */
#endif
  fi;
  site[s].renew = NONE; site[s].lease = 0
}

inline start_workload(s) {
  assert(!site[0].running && !site[1].running);       /* I1: never two */
#ifndef ONLY_I1
  assert(site[s].wants == epoch && s == holder);      /* I2: the newest epoch, at the site it names */
#endif
  site[s].starting = false; site[s].running = true
}

inline take_activate(s) {
  if
  :: site[s].activate > site[s].wants && !site[s].running -> forget(s); site[s].wants = site[s].activate
  :: else
  fi;
  site[s].activate = 0
}

/* The order and its answer are one step: what the answer says stays true, so its being late would add nothing. */
inline take_stop(s) {
  if
#ifdef STOP_KEEPS_RENEWAL
  :: !site[s].running -> wait = 0
#else
  :: !site[s].running -> forget(s); wait = 0       /* the answer to a renewal sent before must not start it again */
#endif
  :: site[s].running && !site[s].stopping -> forget(s); end_workload(s)
  fi
}

proctype Guard(bit s) {
end:
  do
  /* A renewal that was lost, or has no answer yet, is left for a new one. */
  :: d_step { !site[s].frozen && site[s].wants && !site[s].starting && !site[s].stopping && site[s].lease < SLOW(G) &&
              (site[s].renew == NONE || !calm) && (!site[s].running || site[s].deadline < SLOW(G)) -> send_renewal(s) }
  :: d_step { !site[s].frozen && (site[s].renew == YES || site[s].renew == NO) -> take_renewal(s) }
  :: d_step { !site[s].frozen && site[s].starting -> start_workload(s) }
  :: d_step { !site[s].frozen && site[s].activate -> take_activate(s) }
  :: d_step { !site[s].frozen && step == FENCE && s == where && wait > 0 && !site[s].stopping -> take_stop(s) }
  /* The deadline, kept by the guard or by the watchdog. */
  :: d_step { guarded(s) && site[s].running && !site[s].stopping && site[s].deadline == 0 -> forget(s); end_workload(s) }
#if !defined(NO_WATCHDOG) && !defined(WATCHDOG_SPARES_GUARD)
  /* A guard frozen between its look at the deadline and the start: the watchdog kills it too. */
  :: d_step { site[s].frozen && site[s].starting && site[s].deadline == 0 -> forget(s) }
#endif
  :: d_step { guarded(s) && site[s].stopping -> died(s) }
  od
}

/* ---- the orchestrator ---- */

inline ask(what, target) { request.state = ASKED; request.op = what; request.known = known; request.to = target }

inline drop(r) { r.state = NONE; r.op = NONE; r.known = 0; r.to = 0 }

inline leave_request() {                /* given up, yet it may still arrive */
  if
  :: request.state == ASKED && stray.state == NONE ->
     stray.state = ASKED; stray.op = request.op; stray.known = request.known; stray.to = request.to
  :: else
  fi;
  drop(request)
}

inline observe(first_wait) {            /* read the register; what cannot be known is fenced, from zero */
  known = epoch; where = holder;
  if
  :: revoked -> step = FENCE; wait = first_wait
  :: else -> step = ACTIVE; wait = 0
  fi
}

proctype Orchestrator() {
end:
  do
  /* A site is suspected, rightly or not. */
  :: d_step { step == ACTIVE && !calm && known < LAST -> step = REVOKE }
  /* It activates, and again when the site does not run. It looks first: an older request of its own may have arrived late. */
  :: d_step { step == ACTIVE && !site[where].running && !said ->
#ifndef TRUSTS_ITS_MEMORY
              observe(FAST(W));
#endif
              if
              :: step == ACTIVE -> site[where].activate = known; said = calm
              :: else
              fi }

  :: d_step { step == REVOKE && request.state == NONE -> ask(REVOKE, where);
#ifdef WAIT_FROM_SENDING
              wait = FAST(W)
#endif
            }
  :: d_step { step == REVOKE && request.state == YES -> drop(request); step = FENCE;
#ifndef WAIT_FROM_SENDING
              wait = FAST(W)
#endif
            }

  :: d_step { step == FENCE && wait == 0 -> step = GRANT }      /* W is over, or the stop is confirmed */

  :: d_step { step == GRANT && request.state == NONE -> ask(GRANT, 1 - where) }
  :: d_step { step == GRANT && request.state == NONE -> ask(GRANT, where) }           /* a roll back */
  :: d_step { step == GRANT && request.state == YES -> known = known + 1; where = request.to; drop(request); step = ACTIVE }

  /* Refused, or given up after op_timeout: look again. */
  :: d_step { request.state == NO -> drop(request); observe(FAST(W)) }
  :: d_step { request.state != NONE && !calm -> leave_request(); observe(FAST(W)) }

  :: d_step { step != DOWN && !calm -> leave_request(); step = DOWN; known = 0; where = 0; wait = 0 }
#ifdef WAIT_NOT_RESTARTED
  :: d_step { step == DOWN -> observe(0) }          /* the end it had noted, read on another boot's clock, seems past */
#else
  :: d_step { step == DOWN -> observe(FAST(W)) }
#endif
  od
}

/* ---- the register and the network ---- */

inline renew_in_register(s) {
  if
#ifdef UNCHECKED_RENEWAL
  :: true -> site[s].renew = YES
#else
  :: epoch == site[s].wants && !revoked -> site[s].renew = YES
  :: else -> site[s].renew = NO; site[s].lease = 0
#endif
  fi
}

inline change_register(r) {
  if
  :: r.op == REVOKE && epoch == r.known -> revoked = true; r.state = YES
#ifdef BLIND_GRANT
  :: r.op == GRANT ->
#else
  :: r.op == GRANT && epoch == r.known && revoked ->
#endif
#ifndef ONLY_I1
     assert(r.known + 1 > epoch);                     /* I2: epochs strictly rise */
     assert(!site[0].running && !site[1].running);    /* I3: the epoch before is proven stopped */
#endif
     epoch = r.known + 1; holder = r.to; revoked = false; r.state = YES
  :: else -> r.state = NO
  fi
}

proctype Register() {
end:
  do
  :: d_step { site[0].renew == ASKED -> renew_in_register(0) }
  :: d_step { site[1].renew == ASKED -> renew_in_register(1) }
  :: d_step { request.state == ASKED -> change_register(request) }
  :: d_step { stray.state == ASKED -> change_register(stray); drop(stray) }
  od
}

/* ---- faults ---- */

proctype Faults(bit s) {
end:
  do
  /* A frozen guard of a passive site is only slow, and lateness covers that. */
  :: d_step { !calm && !site[s].frozen && (site[s].running || site[s].starting) -> site[s].frozen = true }
  :: d_step { !calm && site[s].running -> forget(s) }                           /* kill -9 of the guard, and it is back */
  :: d_step { site[s].frozen -> site[s].frozen = false }
  :: d_step { !calm && site[s].running -> died(s); forget(s) }                  /* the workload ends by itself */
  od
}

/* ---- time ---- */

/* What must be done before the next tick: deadlines, and kills within K. A guard lags only when frozen. */
#define may_pass(s) ((!guarded(s) || !site[s].running || (site[s].stopping -> site[s].kill : site[s].deadline) > 0) && \
                     (!site[s].starting || (site[s].frozen && (site[s].deadline > 0 || spared))))
#if defined(NO_WATCHDOG) || defined(WATCHDOG_SPARES_GUARD)
#define spared true
#else
#define spared false
#endif

/* With faults over, also: every message arrives, guards renew in time, the orchestrator does its next step. */
#define at_rest(s) (!site[s].frozen && site[s].renew == NONE && !site[s].activate && \
                    (!site[s].wants || (site[s].running && site[s].deadline > SLOW(G) - RENEW)))
#define orchestrator_at_rest (request.state == NONE && stray.state == NONE && \
                    ((step == ACTIVE && (site[where].running || said)) || (step == FENCE && wait > 0)))

inline down(x) { x = (x > 0 -> x - 1 : 0) }

inline pass(s) {
  down(site[s].lease);
  down(site[s].kill);
  down(site[s].deadline)
}

proctype Clock() {
end:
  do
  :: d_step { may_pass(0) && may_pass(1) && (!calm || (at_rest(0) && at_rest(1) && orchestrator_at_rest)) ->
              pass(0); pass(1); down(wait); said = false }
#ifdef WITH_END_OF_FAULTS
  :: d_step { !calm -> calm = true }
#endif
  od
}

init {
  atomic { run Guard(0); run Guard(1); run Orchestrator(); run Register(); run Faults(0); run Faults(1); run Clock() }
}

#define one (site[0].running != site[1].running)
ltl one_in_the_end { (<> calm) -> (<> [] one) }

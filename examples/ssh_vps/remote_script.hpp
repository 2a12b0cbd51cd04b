// What runs on the VPS: one POSIX sh script, sent over ssh's standard input behind the variables that script.hpp
// writes. All of it is in functions and the last line calls them: a script that a broken connection cuts short does
// nothing.
//
// It answers in lines "understudy: WORD VALUE", the last of which is "understudy: done"; whatever else the account's
// shell prints is ignored. Needs Linux's /proc, and setsid, flock and grep -z (util-linux and GNU grep, or busybox).
#pragma once

namespace ssh_vps {

inline constexpr const char* remote_script = R"sh(
say() { printf 'understudy: %s\n' "$*"; }
die() { say error "$1"; shift; say message "$*"; say 'done'; exit 3; }
nap() { sleep 0.2 2>/dev/null || sleep 1; }

lock() {  # $1: what we do, $2: how many naps to wait
  { : >>"$base.lock"; } 2>/dev/null || die denied "cannot write to $dir"
  exec 9>>"$base.lock"
  naps=0
  until flock -n 9; do
    naps=$((naps + 1))
    [ "$naps" -ge "$2" ] && return 1
    nap
  done
  [ -z "$1" ] || printf '%s\n' "$1" >"$base.doing"
}

# The record: which epoch was started here last, and its session. Written whole or not at all.
load() {
  rec_epoch=0 rec_pid=0 rec_start=0 rec_boot='' rec_operation=''
  [ -f "$base.record" ] || return 0
  while IFS='=' read -r key value; do
    case $key in
      epoch) rec_epoch=$value ;; pid) rec_pid=$value ;; start) rec_start=$value ;; boot) rec_boot=$value ;;
      operation) rec_operation=$value ;;
    esac
  done <"$base.record"
  for number in "$rec_epoch" "$rec_pid" "$rec_start"; do
    case $number in '' | *[!0-9]*) die invalid "the record $base.record is damaged" ;; esac
  done
}
save() {  # $1 epoch, $2 pid, $3 start time, $4 operation
  printf 'epoch=%s\npid=%s\nstart=%s\nboot=%s\noperation=%s\n' "$1" "$2" "$3" "$boot" "$4" >"$base.record.new" 2>/dev/null &&
    { sync -- "$base.record.new" 2>/dev/null || sync; } && mv -f -- "$base.record.new" "$base.record"
}

# Sets state, session and start_time of process $1; fails when it does not exist. A name may hold ") ".
facts() {
  line=''
  { IFS= read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- ${line##*) }
  state=$1 session=$4 start_time=${20}
}
# Ours is what carries our mark in its environment, and what is of the recorded session: some programs write over their
# environment, others leave the session. A pid counts only with its start time and the boot.
marked() {
  grep -lzxF "UNDERSTUDY_RUN=$base" /proc/[0-9]*/environ 2>/dev/null | while IFS=/ read -r _ _ pid _; do echo "$pid"; done
}
of_session() {
  [ "$rec_pid" -gt 0 ] && [ "$rec_boot" = "$boot" ] || return 0
  if facts "$rec_pid" && [ "$start_time" != "$rec_start" ]; then return 0; fi
  for folder in /proc/[0-9]*; do
    pid=${folder#/proc/}
    if facts "$pid" && [ "$session" = "$rec_pid" ]; then
      case $state in Z | X) ;; *) echo "$pid" ;; esac
    fi
  done
}
look() {
  pids=$({ marked; of_session; } | sort -un | tr '\n' ' ')
  pids=${pids% }
}
# Of what runs without a record (somebody removed it).
epoch_of_environment() {
  for pid in $pids; do
    tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | sed -n 's/^UNDERSTUDY_EPOCH=\([0-9]\{1,\}\)$/\1/p'
  done | head -n 1
}
report() {
  say now "$(date +%s)"
  if [ -z "$pids" ]; then
    say state stopped
    say detail 'no process runs'
  else
    [ -f "$base.record" ] || rec_epoch=$(epoch_of_environment)
    say state active
    [ -z "$rec_epoch" ] || say epoch "$rec_epoch"
    say detail "pid $pids"
  fi
  say 'done'
}

observe() {
  pids='' rec_epoch=0 rec_pid=0
  if [ -d "$dir" ]; then
    if ! lock '' 5; then
      read -r doing <"$base.doing"
      say now "$(date +%s)"
      say state "$doing"
      say detail "another command is at work here"
      say 'done'
      return
    fi
    load
  fi
  look
  report
}

alive() {
  facts "$1" || return 1
  case $state in Z | X) return 1 ;; esac
}
last_words() { tail -n 3 "$base.log" 2>/dev/null | tr '\n' '|'; }

activate() {
  mkdir -p -- "$dir" 2>/dev/null || die denied "cannot make the folder $dir"
  lock starting 50 || die transient "another command is at work here"
  [ "$(date +%s)" -le "$expires" ] || die transient "the order came too late and was not followed"
  load
  [ "$epoch" -ge "$rec_epoch" ] || die conflict "epoch $epoch is older than $rec_epoch, which was started here"
  look
  if [ -n "$pids" ]; then
    [ "$epoch" -eq "$rec_epoch" ] || die conflict "it runs already, with another epoch"
    report
    return
  fi
  save "$epoch" 0 0 "$operation" || die denied "cannot write to $dir"
  workload </dev/null >>"$base.log" 2>&1 9>&- &
  child=$!
  facts "$child" || start_time=0
  save "$epoch" "$child" "$start_time" "$operation" || die unknown "cannot write to $dir, and it was started"
  load
  naps=0
  # Until it has become the command, the child is neither marked nor a session of its own.
  while look; { [ -n "$pids" ] && [ "$naps" -lt "$settle" ]; } || { [ -z "$pids" ] && alive "$child"; }; do
    [ -z "$pids" ] || naps=$((naps + 1))
    nap
  done
  if [ -z "$pids" ]; then
    wait "$child"
    code=$?
    look  # it may have become the command, left for the background and ended, all since the last look
  fi
  if [ -z "$pids" ]; then
    save "$epoch" 0 0 "$operation"
    die transient "the command ended at once with exit code $code: $(last_words)"
  fi
  report
}

signal_all() {
  # shellcheck disable=SC2086 # one word a pid
  kill -s "$1" $pids 2>/dev/null
}
gone_within() {
  naps=0
  while look; [ -n "$pids" ]; do
    [ "$naps" -ge "$1" ] && return 1
    naps=$((naps + 1))
    nap
  done
}
stopped() {
  say stopped "$1"
  say detail "$2"
  say 'done'
}
deactivate() {
  if [ -d "$dir" ]; then
    lock stopping 50 || die transient "another command is at work here"
    [ "$(date +%s)" -le "$expires" ] || die transient "the order came too late and was not followed"
    load
  else
    rec_epoch=0 rec_pid=0
  fi
  look
  if [ -z "$pids" ]; then
    stopped yes 'nothing ran'
    return
  fi
  [ "$rec_epoch" -le "$epoch" ] || die conflict "a newer epoch ($rec_epoch) runs here"
  signal_all TERM
  if ! gone_within "$grace"; then
    for again in 1 2 3; do  # what was forked meanwhile is found by the next look
      signal_all KILL
      gone_within 10 && break
    done
  fi
  if [ -n "$pids" ]; then
    stopped no "these processes cannot be killed: $pids"
    return
  fi
  if [ -d "$dir" ]; then save "$rec_epoch" 0 0 "$rec_operation"; fi
  stopped yes 'every process has ended'
}

logs() {
  tail -n "$lines" -- "$base.log" 2>/dev/null | sed 's/^/understudy: line /'
  say 'done'
}

main() {
  umask 077
  case $dir in /*) ;; *) dir=$HOME/$dir ;; esac
  base=$dir/$name
  for tool in setsid flock grep sed sort tr tail; do
    command -v "$tool" >/dev/null 2>&1 || die invalid "the VPS has no $tool"
  done
  [ -r /proc/sys/kernel/random/boot_id ] || die invalid "the VPS has no /proc of Linux"
  printf 'x\0' | grep -qzxF x 2>/dev/null || die invalid "the grep of the VPS does not know -z"
  read -r boot </proc/sys/kernel/random/boot_id
  "$verb"
}
main
)sh";

}  // namespace ssh_vps

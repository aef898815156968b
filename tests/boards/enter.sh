#!/bin/bash
# Run one command on a board, as sshd's forced command or as the start of adbd. BOARD_ROOT is the
# board's file system, empty for this machine's own; the command is in SSH_ORIGINAL_COMMAND.
# What is mounted here is gone with the command: it happens in a name space of its own.
set -eu
if [ -z "$BOARD_ROOT" ]; then
  # shellcheck disable=SC2086 # BOARD_WRAP and BOARD_ENV are lists of words
  exec env -i HOME="$BOARD_HOME" PATH="$BOARD_PATH" $BOARD_ENV $BOARD_WRAP \
    /bin/sh -c "cd; $SSH_ORIGINAL_COMMAND"
fi
exec unshare --mount --propagation private -- /bin/bash -euc '
  mount -t proc proc "$BOARD_ROOT/proc"
  if [ -n "$BOARD_CPU" ]; then
    # LiteRT and onnxruntime read the processor here and die of what an x86 kernel writes.
    mount --bind "$BOARD_CPU/cpuinfo" "$BOARD_ROOT/proc/cpuinfo"
    mount --bind "$BOARD_CPU/sys" "$BOARD_ROOT/sys"
  fi
  mount --rbind /dev "$BOARD_ROOT/dev"
  mount --bind "$BOARD_HOME" "$BOARD_ROOT/root"
  for place in data sdcard; do
    if [ -d "$BOARD_HOME/$place" ]; then
      mkdir -p "$BOARD_ROOT/$place"
      mount --bind "$BOARD_HOME/$place" "$BOARD_ROOT/$place"
    fi
  done
  if [ -n "$BOARD_HOST" ]; then
    mkdir -p "$BOARD_ROOT/host"
    mount --rbind / "$BOARD_ROOT/host"
  fi
  exec chroot "$BOARD_ROOT" /usr/bin/env -i HOME=/root PATH="$BOARD_PATH" $BOARD_ENV \
    /bin/sh -c "cd; $SSH_ORIGINAL_COMMAND"'

/**
 * Stops children even if this process is killed. The guard is a shell that reads from this process through a pipe,
 * which the operating system closes when this process ends. It then sends SIGINT to each remaining process group and
 * later SIGKILL, unmounts disks and removes folders. Children guard their own children.
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import type { Socket } from "node:net";

type GuardedOptions = Omit<SpawnOptions, "detached" | "stdio"> & {
  stdio?: readonly ["ignore", "pipe" | "ignore" | "inherit", "pipe" | "ignore" | "inherit"];
  /** With a channel for messages, for a child that is Node. */
  hasChannel?: boolean;
};

/**
 * In its own process group, so that Ctrl-C reaches only the parent. When the program ends, the guard kills the rest
 * of the group.
 */
export function spawnGuarded(
  command: string,
  args: readonly string[],
  options: GuardedOptions = {},
): ChildProcess {
  const { stdio = ["ignore", "pipe", "pipe"], hasChannel = false, ...others } = options;
  const pipe = guard();
  // The shell registers itself and then becomes the program, so the program never runs unregistered.
  const child = spawn("/bin/sh", ["-c", REGISTER_AND_RUN, "sh", command, ...args], {
    ...others,
    detached: true,
    stdio: [...stdio, pipe, ...(hasChannel ? (["ipc"] as const) : [])],
  });
  child.once("exit", () => pipe.write(`ended ${child.pid}\n`));
  return child;
}

/** Runs to completion. @returns a null status if a signal ended it. */
export async function runGuarded(
  command: string,
  args: readonly string[],
  options: GuardedOptions & { onErrorOutput?: (text: string) => void } = {},
): Promise<Readonly<{ status: number | null; stdout: string; stderr: string }>> {
  const { onErrorOutput, ...spawnOptions } = options;
  const child = spawnGuarded(command, args, spawnOptions);
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    onErrorOutput?.(chunk.toString());
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { status, stdout, stderr };
}

/** Call before creating the folder. */
export function guardFolder(path: string): void {
  guard().write(`made ${path}\n`);
}

/** Call after removing the folder. */
export function releaseFolder(path: string): void {
  guard().write(`removed ${path}\n`);
}

let running: ChildProcess | undefined;

function guard(): Socket {
  if (running === undefined) {
    running = spawn("/bin/sh", ["-c", GUARD], {
      // No signal for this process's group or terminal reaches it.
      detached: true,
      cwd: "/",
      env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin" },
      stdio: ["pipe", "ignore", "ignore"],
    });
    running.unref();
    // Must not keep this process alive.
    (running.stdin as Socket).unref().on("error", () => {});
  }
  return running.stdin as Socket;
}

const REGISTER_AND_RUN = 'echo "started $$" >&3; exec "$@" 3>&-';

/** POSIX shell, for Debian, Alpine and macOS. The positional parameters are the folders. */
const GUARD = `
trap '' HUP INT QUIT TERM PIPE
groups=' '
while read -r event what; do
  case $event in
    started) groups="$groups$what " ;;
    ended)
      kill -KILL "-$what"
      case $groups in *" $what "*) groups="\${groups%% $what *} \${groups#* $what }" ;; esac ;;
    made) set -- "$@" "$what" ;;
    removed) for folder do shift; [ "$folder" = "$what" ] || set -- "$@" "$folder"; done ;;
  esac
done
for group in $groups; do kill -INT "-$group"; kill -CONT "-$group"; done
polls=100
for group in $groups; do
  while [ $polls -gt 0 ] && kill -0 "-$group"; do sleep 0.1; polls=$((polls - 1)); done
done
for group in $groups; do kill -KILL "-$group"; done
for folder do umount "$folder" || umount -l "$folder"; done
for folder do
  polls=20
  until rm -rf "$folder" || [ $polls -eq 0 ]; do sleep 0.1; polls=$((polls - 1)); done
done
`;

/**
 * Ends what this process has started if this process ends first, for whatever reason: SIGKILL leaves a process no time to
 * stop its children. The guard is a shell that reads from this process through a pipe. The operating system closes the pipe when
 * this process ends; the guard then sends SIGINT to each process group that still runs, SIGKILL to those that do not end,
 * unmounts what was mounted and removes what was made. Children guard their own children in the same way.
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import type { Socket } from "node:net";

/** `pipe` for input is not needed by any server or program of the stack. */
type GuardedOptions = Omit<SpawnOptions, "detached" | "stdio"> & {
  stdio?: readonly ["ignore", "pipe" | "ignore" | "inherit", "pipe" | "ignore" | "inherit"];
};

/**
 * Starts a program in a process group of its own, so that Ctrl-C reaches the parent alone, which ends all in order. When the
 * program ends, the guard kills what is left of its group.
 */
export function spawnGuarded(
  command: string,
  args: readonly string[],
  options: GuardedOptions = {},
): ChildProcess {
  const { stdio = ["ignore", "pipe", "pipe"], ...others } = options;
  const pipe = guard();
  // The shell registers itself before it becomes the program: no instant is left at which the program runs unregistered.
  const child = spawn("/bin/sh", ["-c", REGISTER_AND_RUN, "sh", command, ...args], {
    ...others,
    detached: true,
    stdio: [...stdio, pipe],
  });
  child.once("exit", () => pipe.write(`ended ${child.pid}\n`));
  return child;
}

/** Runs a program to its end. @returns its exit status and what it wrote; the status is null if a signal ended it. */
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

/** Lets the guard unmount and remove a folder; to be called before the folder is made. */
export function guardFolder(path: string): void {
  guard().write(`made ${path}\n`);
}

/** The folder is gone already. */
export function releaseFolder(path: string): void {
  guard().write(`removed ${path}\n`);
}

let running: ChildProcess | undefined;

function guard(): Socket {
  if (running === undefined) {
    running = spawn("/bin/sh", ["-c", GUARD], {
      // A session of its own: no signal for this process's group or terminal reaches it.
      detached: true,
      cwd: "/",
      env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin" },
      stdio: ["pipe", "ignore", "ignore"],
    });
    running.unref();
    // A process that has nothing else to do may end.
    (running.stdin as Socket).unref().on("error", () => {});
  }
  return running.stdin as Socket;
}

const REGISTER_AND_RUN = 'echo "started $$" >&3; exec "$@" 3>&-';

/** POSIX shell, so that Debian, Alpine and macOS run it alike. The positional parameters hold the folders. */
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

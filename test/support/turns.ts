/** How long work blocks the event loop. */

/** @returns the most processor time between two turns of the event loop; other processes do not count. */
export async function longestTurn(work: () => Promise<unknown>): Promise<{ cpuMilliseconds: number }> {
  let cpuMilliseconds = 0;
  let isWorking = true;
  let begun = process.threadCpuUsage();
  const look = () => {
    const { user, system } = process.threadCpuUsage(begun);
    cpuMilliseconds = Math.max(cpuMilliseconds, (user + system) / 1000);
    begun = process.threadCpuUsage();
    if (isWorking) setImmediate(look);
  };
  setImmediate(look);
  await work().finally(() => {
    isWorking = false;
  });
  look();
  return { cpuMilliseconds };
}

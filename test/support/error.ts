/** The rejection of a promise; fails if the promise resolves. */
export async function errorOf(work: Promise<unknown>): Promise<Error> {
  let value: unknown;
  try {
    value = await work;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error(`an error was expected, not ${JSON.stringify(value)}`);
}

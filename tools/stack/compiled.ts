/** Shares Node's compile cache with child processes, if this process has one. */
const { NODE_COMPILE_CACHE } = process.env;

export const COMPILED: Readonly<Record<string, string>> = NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE } : {};

/** Children share this process's compile cache. */
const { NODE_COMPILE_CACHE } = process.env;

export const COMPILED: Readonly<Record<string, string>> = NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE } : {};

/** Formats figures in the reader's locale. */
const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1, notation: "compact" });

export const plain = (value) => number.format(value);
export const seconds = (value) => (value < 1 ? `${plain(value * 1000)} ms` : `${plain(value)} s`);
export const share = (value) => `${plain(value * 100)} %`;
export const mebibytes = (value) => `${plain(value / 2 ** 20)} MiB`;

/** A dash if unknown. */
export const orDash = (value, format = plain) => (value === null ? "–" : format(value));

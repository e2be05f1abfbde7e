/**
 * Parses an RFC 3339 date-time into milliseconds since the Unix epoch; undefined if the text is not one. A leap second
 * counts as the first moment of the next minute. A regular expression would take as long as all other checks of a
 * message.
 */
export function parseDateTime(text: string): number | undefined {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  const isSeparated =
    text[4] === "-" && text[7] === "-" && (text[10] === "T" || text[10] === "t") && isColon(text, 13, 16);
  if (!isSeparated || !(year >= 0 && month >= 1 && month <= 12)) return undefined;
  if (!(day >= 1 && day <= daysIn(year, month) && hour <= 23 && minute <= 59 && second <= 60))
    return undefined;
  const end = endOfFraction(text);
  const milliseconds =
    end === SECONDS_END ? 0 : Math.floor(Number(`0${text.slice(SECONDS_END, end)}`) * 1000);
  const offset = offsetMinutes(text, end);
  if (offset === undefined) return undefined;
  // Date.UTC maps years below 100 to the 1900s; the calendar repeats after 400 years.
  const time = Date.UTC(year + 400, month - 1, day, hour, minute, second, milliseconds) - FOUR_CENTURIES_MS;
  const moment = time - offset * 60_000;
  return moment >= FIRST_MOMENT && moment <= LAST_MOMENT ? moment : undefined;
}

function digits(text: string, from: number, count: number): number {
  let value = 0;
  for (let index = from; index < from + count; index++) {
    const digit = text.charCodeAt(index) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

function isColon(text: string, ...places: readonly number[]): boolean {
  return places.every((place) => text[place] === ":");
}

/** A point without digits is not a fraction. */
function endOfFraction(text: string): number {
  if (text[SECONDS_END] !== ".") return SECONDS_END;
  let end = SECONDS_END + 1;
  while (!Number.isNaN(digits(text, end, 1))) end++;
  return end === SECONDS_END + 1 ? SECONDS_END : end;
}

/** East of Greenwich; undefined if the text does not end with an offset. */
function offsetMinutes(text: string, from: number): number | undefined {
  const sign = text[from];
  if (sign === "Z" || sign === "z") return text.length === from + 1 ? 0 : undefined;
  if ((sign !== "+" && sign !== "-") || text.length !== from + 6 || !isColon(text, from + 3))
    return undefined;
  const hours = digits(text, from + 1, 2);
  const minutes = digits(text, from + 4, 2);
  if (!(hours <= 23 && minutes <= 59)) return undefined;
  return (hours * 60 + minutes) * (sign === "-" ? -1 : 1);
}

function daysIn(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
}

const ZERO = 0x30;

/** The length of `2000-01-01T00:00:00`. */
const SECONDS_END = 19;
const FOUR_CENTURIES_MS = Date.UTC(2400, 0, 1) - Date.UTC(2000, 0, 1);
const FIRST_MOMENT = Date.parse("0000-01-01T00:00:00.000Z");
const LAST_MOMENT = Date.parse("9999-12-31T23:59:59.999Z");

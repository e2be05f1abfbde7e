/**
 * A date-time as RFC 3339 writes it, in milliseconds since the Unix epoch; undefined where it is none. A leap
 * second counts as the first moment of the next minute.
 */
export function parseDateTime(text: string): number | undefined {
  const match = RFC_3339.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second] = match.map(Number) as DateTimeFields;
  const offsetHour = Number(match[9] ?? 0);
  const offsetMinute = Number(match[10] ?? 0);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 60 || offsetHour > 23 || offsetMinute > 59) return undefined;
  const milliseconds = match[7] === undefined ? 0 : Math.floor(Number(`0${match[7]}`) * 1000);
  // Date.UTC takes years below 100 for the twentieth century; 400 years later the calendar is the same.
  const time = Date.UTC(year + 400, month - 1, day, hour, minute, second, milliseconds) - FOUR_CENTURIES_MS;
  const offset = (offsetHour * 60 + offsetMinute) * 60_000;
  return match[8]?.startsWith("-") ? time + offset : time - offset;
}

function daysIn(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
}

type DateTimeFields = [string: number, number, number, number, number, number, number];
const FOUR_CENTURIES_MS = Date.UTC(2400, 0, 1) - Date.UTC(2000, 0, 1);
const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-](\d\d):(\d\d))$/;

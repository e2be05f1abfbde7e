/**
 * Names what bytes are if they are no JSON in UTF-8 and begin with the mark of something that senders confuse with it. A
 * person sees at once what to change at the sender, instead of the first byte that does not fit.
 * Sources: RFC 1952 (gzip), RFC 8878 (Zstandard), the Unicode Standard, 23.8 (byte order mark).
 */

/** @returns undefined if the bytes begin with no such mark. */
export function foreignFormatOf(payload: Buffer): string | undefined {
  const mark = MARKS.find(([bytes]) => payload.subarray(0, bytes.length).equals(bytes));
  return mark?.[1] ?? unmarkedUtf16(payload);
}

/** In UTF-16 every other byte of ASCII text is zero, and JSON begins with two characters of ASCII. */
function unmarkedUtf16(payload: Buffer): string | undefined {
  const [first, second, third, fourth] = payload;
  const isLittle = first && second === 0 && third && fourth === 0;
  const isBig = first === 0 && second && third === 0 && fourth;
  return isLittle || isBig ? "UTF-16" : undefined;
}

/** The mark of UTF-32 begins with that of UTF-16, so it stands first. */
const MARKS: readonly (readonly [bytes: Buffer, name: string])[] = [
  [Buffer.from([0x1f, 0x8b]), "gzip"],
  [Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), "Zstandard"],
  [Buffer.from([0xff, 0xfe, 0x00, 0x00]), "UTF-32 with a byte order mark"],
  [Buffer.from([0x00, 0x00, 0xfe, 0xff]), "UTF-32 with a byte order mark"],
  [Buffer.from([0xff, 0xfe]), "UTF-16 with a byte order mark"],
  [Buffer.from([0xfe, 0xff]), "UTF-16 with a byte order mark"],
  [Buffer.from([0xef, 0xbb, 0xbf]), "a byte order mark"],
];

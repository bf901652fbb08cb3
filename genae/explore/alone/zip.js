// Files as one, uncompressed: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});
const crc = (bytes) => ~bytes.reduce((sum, byte) => TABLE[(sum ^ byte) & 255] ^ (sum >>> 8), -1) >>> 0;
const DATE = 0x21; // 1980-01-01: there is none

// Little-endian numbers, [value, bytes] each.
function record(...numbers) {
  const made = [];
  for (const [value, bytes] of numbers) for (let k = 0; k < bytes; k++) made.push(Math.floor(value / 256 ** k) & 255);
  return Uint8Array.from(made);
}

// {name: Blob} to a Blob.
export async function zipped(files) {
  const parts = [], index = [];
  let at = 0;
  for (const [name, blob] of Object.entries(files)) {
    const bytes = new Uint8Array(await blob.arrayBuffer()), letters = new TextEncoder().encode(name), size = bytes.length;
    const same = [[20, 2], [0, 2], [0, 2], [0, 2], [DATE, 2], [crc(bytes), 4], [size, 4], [size, 4], [letters.length, 2], [0, 2]];
    parts.push(record([0x04034b50, 4], ...same), letters, bytes);
    index.push(record([0x02014b50, 4], [20, 2], ...same, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]), letters);
    at += 30 + letters.length + size;
  }
  const long = index.reduce((sum, part) => sum + part.length, 0), n = index.length / 2;
  return new Blob([...parts, ...index, record([0x06054b50, 4], [0, 4], [n, 2], [n, 2], [long, 4], [at, 4], [0, 2])], { type: "application/zip" });
}

// Given to the user, as a file of that name.
export function download(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

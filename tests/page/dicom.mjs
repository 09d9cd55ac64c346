// The smallest picture that a node must take: a secondary capture of 8 × 8 pixels, explicit VR little endian, written by hand.
import { randomUUID } from 'node:crypto';

/** A UID from a random UUID (PS3.5 B.2). */
export const newUid = () => `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;

const long = new Set(['OB', 'OW', 'SQ', 'UN', 'UT']);
function element(group, tag, vr, value) {
  let bytes = Buffer.isBuffer(value) ? value : vr === 'US' ? Buffer.from(Uint16Array.of(value).buffer) : vr === 'UL' ? Buffer.from(Uint32Array.of(value).buffer) : Buffer.from(value, 'latin1');
  if (bytes.length % 2 === 1) bytes = Buffer.concat([bytes, Buffer.from([vr === 'UI' || vr === 'OB' ? 0 : 0x20])]);
  const head = Buffer.alloc(long.has(vr) ? 12 : 8);
  head.writeUInt16LE(group, 0);
  head.writeUInt16LE(tag, 2);
  head.write(vr, 4, 'latin1');
  if (long.has(vr)) head.writeUInt32LE(bytes.length, 8);
  else head.writeUInt16LE(bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

/** A Part 10 file of a synthetic patient; `priority` is Requested Procedure Priority (0040,1003) or none. */
export function capture({ patient, study = newUid(), priority = '', description = 'Page test' }) {
  const secondaryCapture = '1.2.840.10008.5.1.4.1.1.7';
  const instance = newUid();
  const today = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  const meta = Buffer.concat([
    element(2, 0x0001, 'OB', Buffer.from([0, 1])), element(2, 0x0002, 'UI', secondaryCapture), element(2, 0x0003, 'UI', instance),
    element(2, 0x0010, 'UI', '1.2.840.10008.1.2.1'), element(2, 0x0012, 'UI', '2.25.329800735698586629295641978511506172918'),
  ]);
  const data = Buffer.concat([
    element(0x0008, 0x0016, 'UI', secondaryCapture), element(0x0008, 0x0018, 'UI', instance), element(0x0008, 0x0020, 'DA', today), element(0x0008, 0x0030, 'TM', '101500'),
    element(0x0008, 0x0050, 'SH', 'PAGE'), element(0x0008, 0x0060, 'CS', 'OT'), element(0x0008, 0x0064, 'CS', 'SYN'), element(0x0008, 0x0090, 'PN', ''), element(0x0008, 0x1030, 'LO', description),
    element(0x0010, 0x0010, 'PN', patient), element(0x0010, 0x0020, 'LO', patient), element(0x0010, 0x0030, 'DA', '19700101'), element(0x0010, 0x0040, 'CS', 'O'),
    element(0x0020, 0x000d, 'UI', study), element(0x0020, 0x000e, 'UI', newUid()), element(0x0020, 0x0010, 'SH', '1'), element(0x0020, 0x0011, 'IS', '1'), element(0x0020, 0x0013, 'IS', '1'),
    element(0x0028, 0x0002, 'US', 1), element(0x0028, 0x0004, 'CS', 'MONOCHROME2'), element(0x0028, 0x0010, 'US', 8), element(0x0028, 0x0011, 'US', 8),
    element(0x0028, 0x0100, 'US', 8), element(0x0028, 0x0101, 'US', 8), element(0x0028, 0x0102, 'US', 7), element(0x0028, 0x0103, 'US', 0),
    ...(priority === '' ? [] : [element(0x0040, 0x1003, 'SH', priority)]),
    element(0x7fe0, 0x0010, 'OB', Buffer.from(Array.from({ length: 64 }, (_, index) => index * 4))),
  ]);
  return { study, file: Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), element(2, 0x0000, 'UL', meta.length), meta, data]) };
}

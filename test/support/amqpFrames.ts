/** Method frames on channel 0 that a RabbitMQ server sends of its own accord (AMQP 0-9-1, classes 10). */
const methodFrame = (classId: number, methodId: number, fields: Buffer): Buffer => {
  const payload = Buffer.concat([Buffer.from([0, classId, 0, methodId]), fields]);
  const header = Buffer.alloc(7);
  header.writeUInt8(1, 0);
  header.writeUInt32BE(payload.length, 3);
  return Buffer.concat([header, payload, Buffer.from([0xce])]);
};

const shortString = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);

const longString = (text: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
};

const noTable = Buffer.alloc(4);

/** The greeting: protocol 0-9, PLAIN. */
export const connectionStart = methodFrame(
  10,
  10,
  Buffer.concat([Buffer.from([0, 9]), noTable, longString('PLAIN'), longString('en_US')]),
);

/** No limit to channels, frames of 128 KiB, no heartbeats. */
export const connectionTune = methodFrame(10, 30, Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]));

export const connectionOpenOk = methodFrame(10, 41, shortString(''));

/** 320 CONNECTION_FORCED: an operator closes the connection. */
export const connectionForcedClose = methodFrame(
  10,
  50,
  Buffer.concat([Buffer.from([1, 64]), shortString('CONNECTION_FORCED'), Buffer.alloc(4)]),
);

/** What a broker sends to publishers when an alarm goes off. */
export const connectionBlocked = methodFrame(10, 60, shortString('low on memory'));

export const connectionUnblocked = methodFrame(10, 61, Buffer.alloc(0));

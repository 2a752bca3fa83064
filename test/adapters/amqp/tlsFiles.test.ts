import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readTlsFiles } from '../../../src/adapters/amqp/tlsFiles.ts';

const { privateKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open-sesame' },
});

const openingCode = (passphrase: string): string | undefined => {
  try {
    createPrivateKey({ key: privateKey, passphrase });
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
};

it('says that a passphrase is wrong also where the key decrypts to something', async () => {
  const guesses = Array.from({ length: 5_000 }, (_, n) => `guess-${n}`);
  // One in 256 ends in valid padding by chance, and fails later, with another error.
  const lucky = guesses.find((guess) => openingCode(guess) !== openingCode('guessed'));
  expect(lucky).toBeDefined();
  const directory = await mkdtemp(join(tmpdir(), 'orderflow-key-'));
  try {
    const keyFile = join(directory, 'client.key');
    await writeFile(keyFile, privateKey);
    const wrong = /client\.key: the key is encrypted, and its passphrase is missing or wrong/;
    await expect(readTlsFiles({ keyFile, keyPassphrase: lucky ?? '' })).rejects.toThrow(wrong);
    await expect(readTlsFiles({ keyFile, keyPassphrase: 'guessed' })).rejects.toThrow(wrong);
    await expect(readTlsFiles({ keyFile })).rejects.toThrow(wrong);
    await expect(readTlsFiles({ keyFile, keyPassphrase: 'open-sesame' })).resolves.toBeDefined();
  } finally {
    await rm(directory, { recursive: true });
  }
});

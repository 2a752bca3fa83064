#!/usr/bin/env node
import { runCli } from './cli/runCli.ts';

// Whoever reads the output may stop early, as `head` does: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});
const exitCode = await runCli(process.argv.slice(2), process.env);
// Whatever a failed command may have left open must not keep the process. What could not be written is told above.
process.stdout.write('', (error) => {
  if (!error) process.exit(exitCode);
});

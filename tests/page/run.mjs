// Starts a node of its own in a temporary folder, gives it a person and a synthetic study, runs the stories, and ends it.
// scripts/node.sh node tests/page/run.mjs [PATTERN]    exit 0: all passed; 77: no binary or no browser here, said in words
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const binary = process.env.VEDETTE_BINARY ?? path.join(root, 'build/release/bin/vedette');
const chromium = process.env.VEDETTE_CHROMIUM ?? '/usr/bin/chromium';
const pattern = process.argv[2] ?? '*';
for (const [what, where] of [['the binary', binary], ['the browser', chromium], ["the page's packages", path.join(root, 'web/node_modules/playwright-core')]]) {
  if (existsSync(where)) continue;
  process.stderr.write(`skipped: ${what} is not there (${where})\n`);
  process.exit(77);
}

const freePort = () => new Promise((resolve, reject) => {
  const server = createServer();
  server.on('error', reject);
  server.listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => { resolve(port); }); });
});
const folder = mkdtempSync(path.join(tmpdir(), 'vedette-page-'));
const [http, dicom] = [await freePort(), await freePort()];
const set = ['--set', `data.folder=${folder}/data`, '--set', `http.listen=127.0.0.1:${http}`, '--set', `dicom.listen=127.0.0.1:${dicom}`, '--set', 'data.reserve_bytes=1048576'];
const url = `http://127.0.0.1:${http}`;
const password = 'page-test-passphrase';
writeFileSync(path.join(folder, 'password'), `${password}\n`);

const call = (...line) => {
  const done = spawnSync(binary, line, { cwd: folder, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`vedette ${line.join(' ')} ended with ${done.status}: ${done.stderr || done.stdout}`);
};
const log = path.join(folder, 'node.log');
let node = null;
let status = 1;
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
async function until(what, seconds, test) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    if (node !== null && node.exitCode !== null) throw new Error(`the node ended with ${node.exitCode}`);
    try { if (await test()) return; } catch { /* not yet */ }
    if (Date.now() > end) throw new Error(`${what} did not happen in ${seconds} s`);
    await pause(250);
  }
}

try {
  call('user', 'add', 'reader', '--role', 'reader', '--role', 'administrator', '--role', 'auditor', '--password-file', path.join(folder, 'password'), ...set);
  const out = openSync(log, 'a');
  node = spawn(binary, ['serve', ...set], { cwd: folder, stdio: ['ignore', out, out] });
  await until('the node to be ready', 30, async () => (await fetch(`${url}/readyz`)).ok);

  const signed = await fetch(`${url}/api/session`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ user: 'reader', password }) });
  const { csrf } = await signed.json();
  const headers = { Cookie: (signed.headers.get('set-cookie') ?? '').split(';')[0], 'X-CSRF-Token': csrf };
  call('phantom', 'pet-ct', '--out', path.join(folder, 'phantom'));
  const files = readdirSync(path.join(folder, 'phantom'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.endsWith('.json')).map((entry) => path.join(entry.parentPath, entry.name));
  for (const file of files) await fetch(`${url}/api/uploads`, { method: 'POST', headers: { ...headers, 'Content-Type': 'application/dicom' }, body: readFileSync(file) });
  await until('the synthetic study to be looked at by its tool', 120, async () => {
    const list = await (await fetch(`${url}/api/worklist?status=open`, { headers })).json();
    return list.rows.some((row) => row.suggested?.used);
  });

  const tests = spawnSync(process.execPath, ['--test', '--test-concurrency=1', '--test-timeout=180000', path.join(import.meta.dirname, `${pattern}.test.mjs`)],
    { stdio: 'inherit', env: { ...process.env, VEDETTE_URL: url, VEDETTE_USER: 'reader', VEDETTE_PASSWORD: password } });
  status = tests.status ?? 1;
} catch (error) {
  process.stderr.write(`tests/page: ${error.message}\n`);
} finally {
  if (node !== null && node.exitCode === null) {
    const ended = new Promise((resolve) => { node.once('exit', (code) => { resolve(code); }); });
    node.kill('SIGTERM');
    const code = await Promise.race([ended, pause(40_000).then(() => 'late')]);
    if (code === 'late') node.kill('SIGKILL');
    if (code !== 0) { process.stderr.write(`tests/page: after SIGTERM the node ended with ${code}\n`); status = 1; }
  }
  if (status !== 0 && existsSync(log)) process.stderr.write(`---- the last lines of the node\n${readFileSync(log, 'utf8').split('\n').slice(-40).join('\n')}\n`);
  rmSync(folder, { recursive: true, force: true });
}
process.exit(status);

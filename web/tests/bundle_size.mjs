// What a person loads before the first study: everything that index.html names, and what those files import at once.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const folder = process.argv[2] ?? path.resolve(import.meta.dirname, '../../build/web');
const limit = 250_000;
if (!existsSync(path.join(folder, 'index.html'))) {
  process.stderr.write(`bundle_size: ${folder} holds no built page. Run npm run build first.\n`);
  process.exit(2);
}
const wanted = new Set();
const take = (name) => {
  if (wanted.has(name)) return;
  wanted.add(name);
  if (!name.endsWith('.js')) return;
  const text = readFileSync(path.join(folder, name), 'utf8');
  for (const match of text.matchAll(/(?:^|[;}\n])import(?:[^"'()]*from)?\s*["']\.\/([^"']+)["']/g)) take(`assets/${match[1]}`);
};
for (const match of readFileSync(path.join(folder, 'index.html'), 'utf8').matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)) take(match[1]);
// The reading list is in the first file; its dialogs and menus come with it.
let total = 0;
for (const name of [...wanted].sort()) {
  const size = gzipSync(readFileSync(path.join(folder, name))).length;
  total += size;
  process.stdout.write(`${String(size).padStart(9)}  ${name}\n`);
}
// Somebody who does not read English loads one catalogue more: the largest counts.
const assets = readdirSync(path.join(folder, 'assets'));
const names = readdirSync(path.resolve(import.meta.dirname, '../src/messages'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
const catalogues = names.map((name) => {
  const file = assets.find((asset) => new RegExp(`^${name}-[\\w-]+\\.js$`).test(asset));
  if (file === undefined || wanted.has(`assets/${file}`)) {
    process.stderr.write(`bundle_size: the catalogue of ${name} is not a chunk of its own.\n`);
    process.exit(1);
  }
  return { file, size: gzipSync(readFileSync(path.join(folder, 'assets', file))).length };
});
const longest = catalogues.toSorted((a, b) => b.size - a.size)[0];
if (longest !== undefined) {
  total += longest.size;
  process.stdout.write(`${String(longest.size).padStart(9)}  assets/${longest.file}, the largest of ${names.length} catalogues that are loaded on demand\n`);
}
const viewer = assets.filter((name) => name.startsWith('StudyPage') && name.endsWith('.js'));
process.stdout.write(`${String(total).padStart(9)}  compressed, sign-in and reading list; at most ${limit}\n`);
if (viewer.length === 0 || viewer.some((name) => wanted.has(`assets/${name}`))) {
  process.stderr.write('bundle_size: the study desk is not a chunk of its own.\n');
  process.exit(1);
}
process.exit(total <= limit ? 0 : 1);

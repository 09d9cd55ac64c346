import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const node = process.env['VEDETTE_URL'] ?? 'http://127.0.0.1:8080';
const proxied = { target: node, changeOrigin: false };

/** Writes a .gz beside every file that shrinks: the node sends it as it is and spends no time on packing. */
function packed(): Plugin {
  let folder = '';
  return {
    name: 'packed',
    apply: 'build',
    configResolved(config) { folder = path.resolve(config.root, config.build.outDir); },
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        const file = path.join(entry.parentPath, entry.name);
        if (!entry.isFile() || !/\.(js|css|html|svg|wasm|json)$/.test(entry.name) || statSync(file).size < 1024) continue;
        const plain = readFileSync(file);
        const small = gzipSync(plain, { level: 9 });
        if (small.length < plain.length) writeFileSync(`${file}.gz`, small);
      }
    },
  };
}

/** What the built page holds of others, with their licences, as third-party.txt beside it: read from what was really bundled. */
function thirdParty(): Plugin {
  const here = fileURLToPath(new URL('.', import.meta.url));
  return {
    name: 'third-party',
    apply: 'build',
    generateBundle(_, bundle) {
      const found = new Set<string>();
      const take = (file: string): void => {
        const folder = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file.replace(/^\0/, '').replaceAll('\\', '/'))?.[1];
        if (folder !== undefined && existsSync(path.join(folder, 'package.json'))) found.add(folder);
      };
      for (const part of Object.values(bundle)) {
        if (part.type === 'chunk') for (const file of part.moduleIds) take(file);
        else for (const file of part.originalFileNames) take(path.resolve(here, file));
      }
      const texts = [...found].map((folder) => {
        const about = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { name: string; version: string; license?: string };
        const files = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice|ofl)/i.test(name)).toSorted();
        const words = files.map((name) => readFileSync(path.join(folder, name), 'utf8').trim()).join('\n\n');
        return `${about.name} ${about.version}\n${about.license ?? 'see below'}\n\n${words}`;
      }).toSorted();
      this.emitFile({ type: 'asset', fileName: 'third-party.txt', source: `The page of Vedette holds parts of ${texts.length} packages.\n\n${texts.map((text) => `${'-'.repeat(80)}\n${text}\n`).join('\n')}` });
    },
  };
}

export default defineConfig({
  plugins: [react(), thirdParty(), packed()],
  resolve: {
    alias: {
      '@': fileURLToPath(new URL('./src', import.meta.url)),
      // A mesh reader that is never used and needs Node's events.
      xmlbuilder2: fileURLToPath(new URL('./src/study/engine/absent.ts', import.meta.url)),
    },
  },
  build: {
    outDir: '../build/web',
    emptyOutDir: true,
    target: 'es2022',
    // A data: URL would need an exception in the Content-Security-Policy.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    modulePreload: { polyfill: false },
  },
  // The image loader starts module workers by new URL(..., import.meta.url).
  worker: { format: 'es' },
  optimizeDeps: {
    exclude: ['@cornerstonejs/dicom-image-loader'],
    include: ['dicom-parser', '@cornerstonejs/core', '@cornerstonejs/tools'],
  },
  server: {
    port: 5173,
    proxy: { '/api': proxied, '/dicom-web': proxied, '/openapi.json': proxied },
  },
  test: { environment: 'node', include: ['tests/**/*.test.ts', 'src/**/*.test.ts'] },
});

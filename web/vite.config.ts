import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const node = process.env['VEDETTE_URL'] ?? 'http://127.0.0.1:8080';
const proxied = { target: node, changeOrigin: false };

export default defineConfig({
  plugins: [react()],
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

// One browser for a file of tests, a fresh signed-in page for each test, and a record of everything that must not happen.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const axeSource = readFileSync(require.resolve('axe-core'), 'utf8');

export const url = process.env.VEDETTE_URL ?? '';
export const user = process.env.VEDETTE_USER ?? 'reader';
export const password = process.env.VEDETTE_PASSWORD ?? '';
export const skip = url === '' ? 'VEDETTE_URL is not set: no node to look at' : false;

const flags = ['--headless', '--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic'];

export const launch = () => chromium.launch({ executablePath: process.env.VEDETTE_CHROMIUM ?? '/usr/bin/chromium', args: flags });

/** A page that remembers errors, refused resources and requests to anybody else. */
export async function openPage(browser, { width = 1920, height = 1080, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const seen = { errors: [], foreign: [] };
  page.on('pageerror', (error) => { seen.errors.push(`page: ${error.message}`); });
  page.on('console', (message) => {
    // A refused sign-in and a page that is for other roles are answers, not faults.
    if (message.type() === 'error' && !/status of (401|403|404|409|412)/.test(message.text())) seen.errors.push(`console: ${message.text()}`);
  });
  const origin = new URL(url).origin;
  page.on('request', (request) => {
    const asked = request.url();
    if (!asked.startsWith(origin) && !asked.startsWith('blob:') && !asked.startsWith('data:')) seen.foreign.push(asked);
  });
  return { page, context, seen };
}

export async function signIn(page, address = '/') {
  await page.goto(`${url}/signin`);
  await page.getByLabel('Name', { exact: true }).fill(user);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'Reading list' }).waitFor();
  if (address !== '/') await page.goto(url + address);
}

/** Names of the accessibility rules that the page breaks, with the first elements of each. */
export async function accessibilityFaults(page) {
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const result = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] });
    return result.violations.map((fault) => `${fault.id}: ${fault.nodes.slice(0, 4).map((node) => node.target.join(' ')).join(', ')} (${fault.nodes.length})`);
  });
}

export async function keepPicture(page, name) {
  const folder = process.env.VEDETTE_SCREENS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

/** A question to the node with the cookie of the page. */
export const ask = (page, address, options = {}) => page.evaluate(async ([where, how]) => {
  const answer = await fetch(where, { credentials: 'same-origin', ...how });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
}, [address, options]);

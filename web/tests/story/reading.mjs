// One story, told by tests/scenario: a reader finds a study in the list, looks at it, confirms the first proposal, rejects the
// others with a reason, and signs. VEDETTE_URL, VEDETTE_USER, VEDETTE_PASSWORD, VEDETTE_STUDY; pictures go to VEDETTE_PICTURES.
import assert from 'node:assert/strict';
import path from 'node:path';
import { ask, launch, openPage, signIn, url } from '../../../tests/page/browser.mjs';

const study = process.env.VEDETTE_STUDY ?? '';
const pictures = process.env.VEDETTE_PICTURES;
if (url === '' || study === '') {
  process.stderr.write('reading.mjs: VEDETTE_URL and VEDETTE_STUDY say where to read what\n');
  process.exit(2);
}
const browser = await launch();
const { page, seen } = await openPage(browser);
const picture = (name) => (pictures === undefined ? undefined : page.screenshot({ path: path.join(pictures, `${name}.png`) }));

/** How much the grey values of a part of the screen differ: a black or empty port has next to none. */
async function variance(locator) {
  const png = (await locator.screenshot()).toString('base64');
  return page.evaluate(async (data) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const { data: pixels } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    let sum = 0;
    let squares = 0;
    const n = pixels.length / 4;
    for (let at = 0; at < pixels.length; at += 4) { sum += pixels[at]; squares += pixels[at] ** 2; }
    return squares / n - (sum / n) ** 2;
  }, png);
}
const states = () => page.$$eval('article[data-finding]', (cards) => cards.map((card) => card.dataset.state));

try {
  await signIn(page);
  const row = page.locator(`tr[data-study="${study}"]`);
  await row.waitFor({ timeout: 120_000 });
  await row.click();
  await picture('list');
  await page.keyboard.press('Enter');
  await page.locator('article[data-finding]').first().waitFor({ timeout: 120_000 });

  const ports = page.locator('[data-port]');
  await ports.first().waitFor();
  const end = Date.now() + 120_000;
  let drawn = 0;
  while (drawn === 0 && Date.now() < end) {
    for (const port of await ports.all()) if (await variance(port) > 60) drawn += 1;
    if (drawn === 0) await page.waitForTimeout(500);
  }
  assert.ok(drawn > 0, 'no port shows a picture');
  await picture('desk');

  const count = (await states()).length;
  assert.ok((await states()).includes('proposed'), `nothing is proposed: ${await states()}`);
  for (let at = 0; at < count; at += 1) {
    const card = page.locator('article[data-finding]').nth(at);
    if (await card.getAttribute('data-state') !== 'proposed') continue;
    const first = !(await states()).includes('confirmed');
    const select = card.locator('button').first();
    if (await select.getAttribute('aria-pressed') !== 'true') await select.click();
    await page.keyboard.press('j');
    await page.waitForTimeout(300);
    await picture(`finding-${at + 1}`);
    await page.keyboard.press(first ? 'c' : 'r');
    if (!first) {
      await page.getByRole('radio').first().waitFor();
      await page.keyboard.press('1');
      await picture('reject');
      await card.getByRole('button', { name: 'Reject', exact: true }).last().click();
    }
    await page.locator(`article[data-finding][data-state=${first ? 'confirmed' : 'rejected'}]`).last().waitFor({ timeout: 60_000 });
    await page.waitForFunction((index) => document.querySelectorAll('article[data-finding]')[index]?.dataset.state !== 'proposed', at, { timeout: 60_000 });
  }

  await page.keyboard.press('s');
  const dialog = page.getByRole('alertdialog');
  await dialog.waitFor({ timeout: 60_000 });
  await picture('sign');
  await dialog.getByRole('button', { name: 'Sign', exact: true }).click();
  await page.getByText(/Signed by/).first().waitFor({ timeout: 120_000 });
  await picture('signed');
  const { body } = await ask(page, `/api/studies/${study}`);
  assert.equal(body.state, 'signed', JSON.stringify(body).slice(0, 300));
  assert.deepEqual(seen.foreign, [], 'the page asked somebody else');
  assert.deepEqual(seen.errors, [], 'the page stumbled');
  process.stdout.write(`signed: ${(await states()).join(', ')}\n`);
} catch (error) {
  await picture('stopped');
  process.stderr.write(`${error.stack}\nstates: ${await states().catch(() => 'none')}\nerrors: ${seen.errors.join('; ')}\n`);
  process.exitCode = 1;
} finally {
  await browser.close();
}

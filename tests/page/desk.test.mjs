import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { accessibilityFaults, ask, keepPicture, launch, openPage, signIn, skip } from './browser.mjs';

/** The synthetic PET/CT that the node was given: a study that a flag has raised. */
async function phantom(page) {
  const row = (await ask(page, '/api/worklist?status=open&limit=200')).body.rows.find((one) => one.suggested?.used);
  assert.ok(row, 'the node holds the synthetic study with a proposed finding');
  return row.study_uid;
}
/** Opens the study at the desk; the pictures of all ports have come. */
async function openDesk(page, theme) {
  await signIn(page);
  const study = await phantom(page);
  await page.goto(`${new URL(page.url()).origin}/study/${study}?theme=${theme}`);
  await page.locator('article[data-finding]').first().waitFor();
  return study;
}
const drawn = (page) => page.waitForFunction(() => {
  const ports = [...document.querySelectorAll('[data-port]')];
  return ports.length > 1 && ports.every((port) => /, \d+ of|maximum projection|image \d+/.test(port.getAttribute('aria-label') ?? ''));
}, null, { timeout: 120_000 });
/** A colour on its way to another one is not the one that is read. */
const settled = (page) => page.evaluate(async () => {
  const moving = document.getAnimations().filter((one) => one instanceof CSSTransition);
  await Promise.allSettled(moving.map((one) => one.finished));
});
const faults = async (page) => { await settled(page); return accessibilityFaults(page); };
const card = (page, number) => page.locator(`article[data-finding="${number}"]`);

describe('the study desk', { skip }, () => {
  let browser;
  before(async () => { browser = await launch(); });
  after(async () => { await browser?.close(); });

  for (const theme of ['dark', 'light']) {
    it(`breaks no rule of accessibility in the ${theme} theme, with its forms open and shut`, async () => {
      const { page, context, seen } = await openPage(browser);
      await openDesk(page, theme);
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme);
      await drawn(page);
      await keepPicture(page, `desk-${theme}`);
      assert.deepEqual(await faults(page), []);
      await page.locator('article[data-finding] .fs').first().click();
      await page.locator('details.more summary').first().click();
      await page.keyboard.press('r');
      await page.getByRole('radio').first().waitFor();
      await page.keyboard.press('1');
      assert.deepEqual(await faults(page), [], 'with the reasons of a rejection');
      await page.keyboard.press('Escape');
      await page.getByRole('radio').first().waitFor({ state: 'detached' });
      await page.keyboard.press('e');
      await page.locator('form.rj').waitFor();
      assert.deepEqual(await faults(page), [], 'with the form of an edit');
      await page.keyboard.press('Escape');
      await page.locator('form.rj').waitFor({ state: 'detached' });
      await page.getByRole('tab', { name: 'Results' }).click();
      assert.deepEqual(await faults(page), [], 'with the results');
      assert.deepEqual(seen, { errors: [], foreign: [] });
      await context.close();
    });
  }

  it('breaks no rule of accessibility on a small screen, where words of the tool bar are not seen', async () => {
    const { page, context } = await openPage(browser, { width: 1366, height: 768 });
    await openDesk(page, 'dark');
    await drawn(page);
    assert.deepEqual(await faults(page), []);
    for (const name of ['Zoom', 'Pan', 'Area', 'Fit']) await page.getByRole('button', { name, exact: true }).waitFor();
    await context.close();
  });

  it('rejects by R, a digit and Enter also after the card was clicked', async () => {
    const { page, context, seen } = await openPage(browser);
    await openDesk(page, 'dark');
    const one = page.locator('article[data-finding][data-state=proposed]').first();
    await one.waitFor();
    const number = await one.getAttribute('data-finding');
    await one.locator('.fs').click();
    await page.keyboard.press('r');
    await page.getByRole('radio').first().waitFor();
    assert.equal(await page.getByRole('radio', { checked: true }).count(), 0, 'no reason is picked beforehand');
    await page.keyboard.press('2');
    await page.keyboard.press('1');
    assert.equal(await page.getByRole('radio', { checked: true }).count(), 1);
    await page.keyboard.press('Enter');
    await page.locator(`article[data-finding="${number}"][data-state=rejected]`).waitFor({ timeout: 15_000 });
    assert.equal(await page.evaluate(() => document.activeElement?.closest('article')?.getAttribute('data-finding') ?? null), number, 'the focus is back where it was');
    await page.keyboard.press('u');
    await card(page, number).and(page.locator('[data-state=proposed]')).waitFor({ timeout: 15_000 });
    assert.deepEqual(seen, { errors: [], foreign: [] });
    await context.close();
  });

  const causes = {
    'the decoder is gone from the node': async (page) => page.route('**/assets/decodeImageFrameWorker*', (route) => route.fulfill({ status: 404, body: '' })),
    'no image can be fetched': async (page) => page.route('**/frames/**', (route) => route.fulfill({ status: 500, body: '' })),
  };
  for (const [cause, happen] of Object.entries(causes)) {
    it(`says in words that pictures do not come: ${cause}`, async () => {
      const { page, context } = await openPage(browser);
      await happen(page);
      await openDesk(page, 'dark');
      const said = page.getByRole('alert').filter({ hasText: 'The pictures could not be loaded.' });
      await said.waitFor({ timeout: 30_000 });
      assert.match(await said.textContent(), /Load the page again; verdicts you saved are kept\./);
      // Nothing promises pictures that do not come; one series may be given up a moment after the other.
      for (const promise of ['Loading the pictures', 'This image is not here yet']) await page.getByText(promise).first().waitFor({ state: 'detached', timeout: 30_000 });
      assert.deepEqual(await faults(page), []);
      await keepPicture(page, `desk-lost-${cause.split(' ').at(-1)}`);
      await page.unrouteAll();
      await said.getByRole('button', { name: 'Load the page again' }).click();
      await drawn(page);
      assert.equal(await said.count(), 0);
      await context.close();
    });
  }
});

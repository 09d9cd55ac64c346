import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { accessibilityFaults, ask, keepPicture, launch, openPage, password, signIn, skip, url, user } from './browser.mjs';

describe('the page', { skip }, () => {
  let browser;
  before(async () => { browser = await launch(); });
  after(async () => { await browser?.close(); });

  it('asks a stranger to sign in and brings him back to where he wanted to go', async () => {
    const { page, context, seen } = await openPage(browser);
    await page.goto(`${url}/tools`);
    await page.getByRole('form', { name: 'Sign in' }).waitFor();
    assert.match(page.url(), /\/signin\?next=%2Ftools$/);
    assert.deepEqual(await accessibilityFaults(page), []);
    await keepPicture(page, 'signin');
    await page.getByLabel('Name', { exact: true }).fill(user);
    await page.getByLabel('Password', { exact: true }).fill(`${password}-wrong`);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('alert').getByText('do not belong together').waitFor();
    assert.equal(await page.getByLabel('Password', { exact: true }).inputValue(), `${password}-wrong`, 'what was typed is not thrown away');
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Tools of this centre' }).waitFor();
    assert.equal(new URL(page.url()).pathname, '/tools');
    assert.deepEqual(seen, { errors: [], foreign: [] });
    await context.close();
  });

  it('does not follow an address of somebody else after signing in', async () => {
    const { page, context } = await openPage(browser);
    await page.goto(`${url}/signin?next=${encodeURIComponent('//elsewhere.example/x')}`);
    await page.getByLabel('Name', { exact: true }).fill(user);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Reading list' }).waitFor();
    assert.equal(new URL(page.url()).origin, new URL(url).origin);
    await context.close();
  });

  const pages = [
    ['/', 'Reading list', 'worklist'], ['/results', 'Where the results went', 'results'], ['/tools', 'Tools of this centre', 'tools'], ['/health', /is serving/, 'health'],
    ['/ledger', 'Ledger', 'ledger'], ['/settings', 'Settings', 'settings'], ['/people', 'People and roles', 'people'], ['/upload', 'Add studies', 'upload'], ['/nowhere', /no page at/, 'nowhere'],
  ];
  for (const theme of ['dark', 'light']) {
    it(`is complete, readable for everybody and keeps to itself on every page, ${theme}`, async () => {
      const { page, context, seen } = await openPage(browser);
      await signIn(page);
      for (const [address, heading, name] of pages) {
        await page.goto(`${url}${address}?theme=${theme}`);
        await page.getByRole('heading', { name: heading, exact: true }).first().waitFor();
        await page.locator('[role=status][aria-label=Loading]').waitFor({ state: 'detached' });
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme);
        assert.deepEqual(await page.getByText('could not be loaded').allTextContents(), [], address);
        assert.deepEqual(await accessibilityFaults(page), [], `${address} ${theme}`);
        await keepPicture(page, `${name}-${theme}`);
      }
      assert.deepEqual(seen, { errors: [], foreign: [] });
      await context.close();
    });
  }

  it('needs no more than 640 pixels of width to be used', async () => {
    const { page, context } = await openPage(browser, { width: 640, height: 800 });
    await signIn(page);
    for (const [address, heading] of pages) {
      await page.goto(url + address);
      await page.getByRole('heading', { name: heading, exact: true }).first().waitFor();
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(over <= 0, `${address} is ${over} pixels wider than the screen`);
    }
    await context.close();
  });

  it('goes everywhere by keyboard, and the single keys can be switched off', async () => {
    const { page, context } = await openPage(browser);
    await signIn(page);
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keys on this page' });
    await help.waitFor();
    await help.getByRole('switch', { name: 'Single-key shortcuts' }).click();
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    await page.keyboard.press('?');
    await page.waitForTimeout(200);
    assert.equal(await help.count(), 0, 'a switched-off key does nothing');
    await page.reload();
    await page.getByRole('heading', { name: 'Reading list' }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.keys), 'off', 'the choice survives a reload');
    // The skip link is the first stop.
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'To the content');
    await context.close();
  });

  it('signs out, and nothing of the session is left', async () => {
    const { page, context } = await openPage(browser);
    await signIn(page);
    await page.getByRole('button', { name: /^Account of/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('form', { name: 'Sign in' }).waitFor();
    assert.equal((await ask(page, '/api/worklist')).status, 401);
    await context.close();
  });

  it('says that the line broke, keeps what is shown, and comes back by itself', async () => {
    const { page, context } = await openPage(browser);
    await signIn(page);
    await page.getByText('Live', { exact: false }).first().waitFor();
    await context.setOffline(true);
    // Chromium keeps an open stream when it goes offline: the page's own next question finds out.
    await page.evaluate(() => { window.dispatchEvent(new Event('offline')); });
    await page.getByText(/Not live since/).first().waitFor({ timeout: 60_000 });
    assert.equal(await page.getByRole('grid').count(), 1, 'the list stays readable');
    await context.setOffline(false);
    await page.getByText(/Not live since/).first().waitFor({ state: 'detached', timeout: 60_000 });
    await context.close();
  });
});

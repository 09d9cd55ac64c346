import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { accessibilityFaults, ask, keepPicture, launch, openPage, password, skip, url, user } from './browser.mjs';
import { layoutFaults } from './layout.mjs';

/** Signs in without reading a word of the page. */
async function enter(page, address = '/') {
  await page.goto(`${url}/signin`);
  await page.locator('input[name=user]').fill(user);
  await page.locator('input[name=password]').fill(password);
  await page.locator('form button[type=submit]').click();
  await page.locator('main.wl').waitFor();
  if (address !== '/') await page.goto(url + address);
}
async function phantom(page) {
  const row = (await ask(page, '/api/worklist?status=open&limit=200')).body.rows.find((one) => one.suggested?.used);
  assert.ok(row, 'the node holds the synthetic study with a proposed finding');
  return row.study_uid;
}
/** The page has its data: no bar stands in place of words. */
async function settled(page, selector) {
  await page.locator(selector).first().waitFor();
  await page.waitForFunction(() => document.querySelector('.sk') === null);
  await page.evaluate(() => document.fonts.ready);
}
const said = (page) => page.evaluate(() => document.documentElement.lang);
const houses = [['/', 'main.wl tbody tr', 'worklist'], ['/results', 'main table, main .empty', 'results'], ['/tools', 'article.tool', 'tools'], ['/health', '.checks', 'health'], ['/ledger', '.lg tbody tr', 'ledger'],
  ['/settings', '.st2 tbody tr', 'settings'], ['/people', 'main tbody tr', 'people'], ['/upload', '.drop', 'upload'], ['/nowhere', '.empty', 'nowhere']];

describe('the language of the page', { skip }, () => {
  let browser;
  before(async () => { browser = await launch(); });
  after(async () => { await browser?.close(); });

  it('is the first of the browser that the page has, and the document says so', async () => {
    for (const [asked, language, words] of [['pl-PL', 'pl', 'Zaloguj'], ['el-GR', 'el', 'Σύνδεση'], ['de-AT', 'de', 'Anmelden'], ['fr-BE', 'fr', 'Se connecter'], ['es-ES', 'es', 'Iniciar sesión'], ['it-IT', 'it', 'Accedi'], ['sv-SE', 'en', 'Sign in']]) {
      const { page, context, seen } = await openPage(browser, { locale: asked });
      await page.goto(`${url}/signin`);
      await page.getByRole('button', { name: words, exact: true }).waitFor();
      assert.equal(await said(page), language);
      assert.deepEqual(seen, { errors: [], foreign: [] }, asked);
      await context.close();
    }
  });

  it('is changed in the page without leaving it, survives a reload, and goes with the person', async () => {
    const { page, context, seen } = await openPage(browser);
    await enter(page);
    await page.getByRole('button', { name: 'Take next case' }).waitFor();
    const before = await page.locator('tr[aria-selected=true]').getAttribute('data-study');
    await page.getByRole('button', { name: 'Language: English' }).click();
    await page.getByRole('menuitemradio', { name: 'Deutsch' }).click();
    await page.getByRole('button', { name: 'Nächsten Fall nehmen' }).waitFor();
    assert.equal(await said(page), 'de');
    assert.equal(await page.locator('tr[aria-selected=true]').getAttribute('data-study'), before, 'nothing was left or lost');
    await page.getByRole('button', { name: 'Sprache: Deutsch' }).click();
    await page.getByText('Maschinell übersetzt').waitFor();
    await page.keyboard.press('Escape');
    await page.reload();
    await page.getByRole('heading', { name: 'Befundungsliste' }).waitFor();
    // Somebody else chooses another one at the same screen; the first person comes back to German.
    await page.getByRole('button', { name: /^Konto von/ }).click();
    await page.getByRole('menuitem', { name: 'Abmelden' }).click();
    await page.getByRole('button', { name: 'Sprache: Deutsch' }).click();
    await page.getByRole('menuitemradio', { name: 'Ελληνικά' }).click();
    await page.getByRole('button', { name: 'Σύνδεση', exact: true }).waitFor();
    await page.locator('input[name=user]').fill(user);
    await page.locator('input[name=password]').fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Befundungsliste' }).waitFor();
    assert.equal(await said(page), 'de');
    assert.deepEqual(seen, { errors: [], foreign: [] });
    await context.close();
  });

  it('loads only the words that are read', async () => {
    const { page, context } = await openPage(browser, { locale: 'it-IT' });
    const asked = [];
    page.on('request', (request) => { asked.push(new URL(request.url()).pathname); });
    await enter(page);
    const catalogues = asked.filter((one) => /\/assets\/(de|el|es|fr|it|pl|pseudo)-[\w-]+\.js$/.test(one)).map((one) => one.split('/').at(-1).slice(0, 2));
    assert.deepEqual([...new Set(catalogues)], ['it']);
    await context.close();
  });

  it('writes Latin, Greek and Cyrillic letters in its own typeface, from its own node', async () => {
    const { page, context, seen } = await openPage(browser, { locale: 'el-GR' });
    const fonts = [];
    page.on('response', (answer) => { if (answer.url().endsWith('.woff2')) fonts.push(new URL(answer.url()).pathname.split('/').at(-1)); });
    await page.goto(`${url}/signin`);
    await page.getByRole('button', { name: 'Σύνδεση', exact: true }).waitFor();
    const missing = await page.evaluate(async () => {
      // One pangram for each script of the European Union, Bulgarian for Cyrillic; a letter that the typeface lacks is not checked by `check`, so each is loaded by itself.
      const samples = { latin: 'Zwölf große Boxkämpfer, œuvre, ñandú', extended: 'Zażółć gęślą jaźń, řeřicha, țară, ķēniņš, ėjo, ħaġa, őrült, žába', greek: 'Ξεσκεπάζω την ψυχοφθόρα βδελυγμία', cyrillic: 'Щъркелът видя жаба, фучи и я хваща' };
      const absent = [];
      for (const [script, text] of Object.entries(samples)) {
        const faces = await document.fonts.load('400 13px "Inter Variable"', text);
        if (faces.length === 0 || !document.fonts.check('400 13px "Inter Variable"', text)) absent.push(script);
      }
      return absent;
    });
    assert.deepEqual(missing, []);
    for (const part of ['latin-wght', 'latin-ext', 'greek', 'cyrillic']) assert.ok(fonts.some((font) => font.startsWith(`inter-${part}`)), `${part} of ${fonts.join(', ')}`);
    assert.match(await page.evaluate(() => getComputedStyle(document.body).fontFamily), /"Inter Variable"/);
    assert.deepEqual(seen.foreign, []);
    await context.close();
  });

  for (const [language, theme] of [['de', 'dark'], ['el', 'light']]) {
    it(`breaks no rule of accessibility in ${language}, ${theme}, on any page`, async () => {
      const { page, context, seen } = await openPage(browser, { width: 1440, height: 900, locale: language });
      await page.goto(`${url}/signin?theme=${theme}`);
      await page.locator('form').waitFor();
      assert.deepEqual(await accessibilityFaults(page), []);
      await keepPicture(page, `signin-${language}`);
      await enter(page);
      for (const [address, selector, name] of houses) {
        await page.goto(`${url}${address}?theme=${theme}`);
        await settled(page, selector);
        assert.equal(await said(page), language);
        assert.deepEqual(await accessibilityFaults(page), [], `${address} in ${language}`);
        await keepPicture(page, `${name}-${language}`);
      }
      await page.goto(`${url}/study/${await phantom(page)}?theme=${theme}`);
      await page.locator('article[data-finding]').first().waitFor();
      await page.locator('article[data-finding] .fs').first().click();
      await page.waitForTimeout(1500);
      assert.deepEqual(await accessibilityFaults(page), [], `the desk in ${language}`);
      await keepPicture(page, `desk-${language}`);
      assert.deepEqual(seen, { errors: [], foreign: [] });
      await context.close();
    });
  }

  it('marks what only the node says as English, and names what it names by a code', async () => {
    const { page, context } = await openPage(browser, { locale: 'de-DE' });
    await enter(page);
    await page.goto(`${url}/tools`);
    await settled(page, 'article.tool');
    assert.equal(await page.locator('article.tool .use [lang=en]').count() > 0, true);
    await page.locator('button[data-stop]').first().click();
    await page.getByRole('radio', { name: 'Eine neue Version ersetzt es' }).waitFor();
    await page.keyboard.press('Escape');
    await page.goto(`${url}/study/${await phantom(page)}`);
    await page.locator('article[data-finding]').first().waitFor();
    await page.locator('article[data-finding] .fs').first().click();
    // Decimal comma in what was measured, the UCUM unit as it is.
    await page.waitForFunction(() => [...document.querySelectorAll('.meas .v')].some((one) => /^\d+,\d+$/.test(one.textContent ?? '')));
    const units = await page.locator('.meas .u').allTextContents();
    assert.ok(units.includes('g/ml'), units.join(' '));
    await page.keyboard.press('r');
    await page.getByRole('radio', { name: /Bekannt, unverändert/ }).waitFor();
    await page.keyboard.press('Escape');
    await context.close();
  });

  it('hears the same keys on a keyboard with other letters', async () => {
    const { page, context } = await openPage(browser, { locale: 'el-GR' });
    await enter(page);
    await settled(page, 'main.wl tbody tr');
    const open = page.locator('aside.why');
    const was = await open.count();
    await page.locator('tbody tr').first().focus();
    await page.evaluate(() => { document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'ι', code: 'KeyI', bubbles: true, cancelable: true })); });
    await page.waitForFunction((n) => document.querySelectorAll('aside.why').length !== n, was);
    await context.close();
  });

  for (const language of ['de', 'el', 'es', 'fr', 'it', 'pl']) {
    it(`cuts nothing off in ${language} where people look most, 1280 × 800`, async () => {
      const { page, context } = await openPage(browser, { width: 1280, height: 800, locale: language });
      const found = {};
      await enter(page);
      for (const [address, selector, name] of houses.slice(0, 4)) {
        await page.goto(url + address);
        await settled(page, selector);
        const faults = await layoutFaults(page);
        if (faults.length > 0) found[name] = faults;
        if (name === 'worklist') await keepPicture(page, `worklist-${language}-1280`);
      }
      await page.goto(`${url}/study/${await phantom(page)}`);
      await page.locator('article[data-finding]').first().waitFor();
      await page.locator('article[data-finding] .fs').first().click();
      await page.locator('.verd').waitFor();
      const faults = await layoutFaults(page);
      if (faults.length > 0) found.desk = faults;
      await keepPicture(page, `desk-${language}-1280`);
      assert.deepEqual(found, {});
      await context.close();
    });
  }

  // 200 % zoom of a window of 1280 × 800 is a window of 640 × 400 at twice the pixels.
  for (const [what, size] of [['1280 × 800', { width: 1280, height: 800 }], ['1280 × 800 at 200 %', { width: 640, height: 400, deviceScaleFactor: 2 }]]) {
    it(`may be two fifths longer: nothing is cut off or lies on something else at ${what}`, async () => {
      const { page, context } = await openPage(browser, size);
      const found = {};
      const look = async (name) => {
        const faults = await layoutFaults(page);
        if (faults.length > 0) found[name] = faults;
        await keepPicture(page, `pseudo-${name}-${size.width}`);
      };
      await page.goto(`${url}/signin?lang=en-XA`);
      await page.locator('form').waitFor();
      assert.match(await page.locator('form button[type=submit]').textContent(), /^\[.*\]$/);
      await look('signin');
      await enter(page);
      for (const [address, selector, name] of houses) {
        await page.goto(`${url}${address}?lang=en-XA`);
        await settled(page, selector);
        await look(name);
      }
      await page.goto(`${url}/study/${await phantom(page)}?lang=en-XA`);
      await page.locator('article[data-finding]').first().waitFor();
      await page.locator('article[data-finding] .fs').first().click();
      await page.waitForTimeout(1500);
      await look('desk');
      assert.deepEqual(found, {});
      await context.close();
    });
  }
});

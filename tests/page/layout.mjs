// What a longer language would do to a page: controls whose words are cut off, controls that lie on each other, a page wider than its window.

/** Faults of the page as it stands, each as a sentence. Runs in the page. */
export const layoutFaults = (page) => page.evaluate(() => {
  const faults = [];
  const controls = 'button, a[href], input, textarea, select, summary, [role=button], [role=tab], [role=switch], [role=radio], [role=menuitem], [role=menuitemradio], [role=option]';
  const clipped = (element) => {
    for (let up = element; up !== null; up = up.parentElement) { const style = getComputedStyle(up); if (style.clipPath !== 'none' || style.opacity === '0') return true; }
    return false;
  };
  // These scroll sideways by intent: tables, the bars of views and image tools, the series of a small screen.
  const sideways = '.scroll-x, .scroller, .views, .bar, .series, .snav, .sc, .acts-in, pre';
  const hiddenFromSight = (element) => element.closest('.vh, .skip, [inert]') !== null || element.getClientRects().length === 0 || !element.checkVisibility()
    || getComputedStyle(element).visibility === 'hidden' || clipped(element);
  const scrolls = (style, axis) => ['auto', 'scroll'].includes(axis === 'x' ? style.overflowX : style.overflowY);
  /** The part that is in sight, and whether an ancestor that nobody can scroll cuts the rest off. */
  const sight = (element) => {
    let { left, top, right, bottom } = element.getBoundingClientRect();
    let cut = '';
    const clip = { left: 0, top: 0, right: window.innerWidth, bottom: window.innerHeight };
    for (let up = element.parentElement; up !== null && up !== document.documentElement; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
      const box = up.getBoundingClientRect();
      if (style.overflowX !== 'visible') { clip.left = Math.max(clip.left, box.left); clip.right = Math.min(clip.right, box.right); }
      if (style.overflowY !== 'visible') { clip.top = Math.max(clip.top, box.top); clip.bottom = Math.min(clip.bottom, box.bottom); }
      const name = `${up.tagName.toLowerCase()}.${up.className}`;
      if (style.overflowX !== 'visible' && (right > box.right + 1.5 || left < box.left - 1.5)) { if (!(scrolls(style, 'x') && up.matches(sideways)) && cut === '') cut = name; left = Math.max(left, box.left); right = Math.min(right, box.right); }
      if (style.overflowY !== 'visible' && (bottom > box.bottom + 1.5 || top < box.top - 1.5)) { if (!scrolls(style, 'y') && cut === '') cut = name; top = Math.max(top, box.top); bottom = Math.min(bottom, box.bottom); }
      if (style.position === 'fixed') break;
    }
    return { left, top, right, bottom, cut, clip };
  };
  const words = (element) => (element.getAttribute('aria-label') ?? element.textContent ?? '').trim().replace(/\s+/g, ' ').slice(0, 60) || element.tagName;
  const list = [...document.querySelectorAll(controls)].filter((element) => !hiddenFromSight(element));

  const wider = document.documentElement.scrollWidth - window.innerWidth;
  if (wider > 1) faults.push(`the page is ${wider} pixels wider than its window`);

  const seen = [];
  for (const element of list) {
    const box = element.getBoundingClientRect();
    const { cut, clip: _, ...rect } = sight(element);
    if (cut !== '') faults.push(`“${words(element)}” is cut off by ${cut}`);
    // Its own words: each line of text must lie inside of it, and none may end in an ellipsis.
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (parent === null || node.textContent.trim() === '' || hiddenFromSight(parent)) continue;
      // What somebody else wrote (a name, a description) may be shortened; it stands in the title as a whole.
      if (parent.closest('.cut') !== null && parent.closest('.cut') !== element && element.contains(parent.closest('.cut'))) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const text = range.getBoundingClientRect();
      if (text.right > box.right + 1.5 || text.left < box.left - 1.5 || text.bottom > box.bottom + 2.5 || text.top < box.top - 2.5) { faults.push(`the words of “${words(element)}” stick out of it`); break; }
      if (parent.scrollWidth > parent.clientWidth + 1 && getComputedStyle(parent).textOverflow === 'ellipsis') { faults.push(`the words of “${words(element)}” are shortened`); break; }
    }
    if (rect.right - rect.left > 1 && rect.bottom - rect.top > 1) seen.push({ element, rect });
  }
  for (let a = 0; a < seen.length; a += 1) {
    for (let b = a + 1; b < seen.length; b += 1) {
      const [one, two] = [seen[a], seen[b]];
      if (one.element.contains(two.element) || two.element.contains(one.element)) continue;
      const width = Math.min(one.rect.right, two.rect.right) - Math.max(one.rect.left, two.rect.left);
      const height = Math.min(one.rect.bottom, two.rect.bottom) - Math.max(one.rect.top, two.rect.top);
      if (width <= 2 || height <= 2) continue;
      // A button inside of a field or on a row that is a link as a whole is meant so.
      if (one.element.closest('.fld, .tool, .vp') !== null && one.element.closest('.fld, .tool, .vp') === two.element.closest('.fld, .tool, .vp')) continue;
      // One that lies below a sticky or floating part is reached by scrolling; one that is on top at its middle is reached at once.
      const x = (Math.max(one.rect.left, two.rect.left) + Math.min(one.rect.right, two.rect.right)) / 2;
      const y = (Math.max(one.rect.top, two.rect.top) + Math.min(one.rect.bottom, two.rect.bottom)) / 2;
      const top = document.elementFromPoint(x, y);
      if (top === null || !(one.element.contains(top) || two.element.contains(top) || top.contains(one.element))) continue;
      faults.push(`“${words(one.element)}” and “${words(two.element)}” lie on each other (${Math.round(width)} × ${Math.round(height)})`);
    }
  }
  // Every other text: none is cut off (but what ends in an ellipsis by intent), none lies on another one. Words on pictures are the picture's.
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (parent === null || node.textContent.trim() === '' || parent.closest('.vp, script, style, noscript, svg, .cut:not(.acts-in), .toast, pre') !== null || hiddenFromSight(parent)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const lines = [...range.getClientRects()].filter((box) => box.width > 1 && box.height > 1);
    let cut = '';
    for (let up = parent; up !== null && up !== document.documentElement && cut === ''; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
      const box = up.getBoundingClientRect();
      const outX = lines.some((line) => line.right > box.right + 1.5 || line.left < box.left - 1.5);
      const outY = lines.some((line) => line.bottom > box.bottom + 4 || line.top < box.top - 4);
      // A head of a column may be shortened where its title says it as a whole.
      const shortened = style.textOverflow === 'ellipsis' && (up.title ?? '') !== '';
      if (style.overflowX !== 'visible' && outX && !shortened && !(scrolls(style, 'x') && up.matches(sideways))) cut = `${up.tagName.toLowerCase()}.${up.className}`;
      else if (style.overflowY !== 'visible' && outY && !scrolls(style, 'y')) cut = `${up.tagName.toLowerCase()}.${up.className}`;
      if (scrolls(style, 'x') || scrolls(style, 'y') || style.position === 'fixed') break;
    }
    const said = node.textContent.trim().replace(/\s+/g, ' ').slice(0, 50);
    if (cut !== '') faults.push(`the text “${said}” is cut off by ${cut}`);
    const seenPart = sight(parent);
    for (const line of lines) {
      const shown = { left: Math.max(line.left, seenPart.clip.left), right: Math.min(line.right, seenPart.clip.right), top: Math.max(line.top, seenPart.clip.top), bottom: Math.min(line.bottom, seenPart.clip.bottom) };
      if (shown.right - shown.left > 1 && shown.bottom - shown.top > 1) texts.push({ node, parent, said, line: shown });
    }
  }
  for (let a = 0; a < texts.length; a += 1) {
    for (let b = a + 1; b < texts.length; b += 1) {
      const [one, two] = [texts[a], texts[b]];
      if (one.node === two.node) continue;
      const width = Math.min(one.line.right, two.line.right) - Math.max(one.line.left, two.line.left);
      const height = Math.min(one.line.bottom, two.line.bottom) - Math.max(one.line.top, two.line.top);
      if (width <= 3 || height <= 5) continue;
      const top = document.elementFromPoint((Math.max(one.line.left, two.line.left) + Math.min(one.line.right, two.line.right)) / 2, (Math.max(one.line.top, two.line.top) + Math.min(one.line.bottom, two.line.bottom)) / 2);
      if (top === null || !(one.parent.contains(top) || two.parent.contains(top)) || top.closest('.sticky, thead, .why, [role=dialog]') !== null) continue;
      faults.push(`the texts “${one.said}” and “${two.said}” lie on each other`);
    }
  }
  return [...new Set(faults)];
});

// What the console does without loading a page. Every control here is a link or a form that works
// without this file.

// Tells the server which time zone "local" is (zone.js does it where there is no more to do).
const here = Intl.DateTimeFormat().resolvedOptions().timeZone
if (here) document.cookie = `guerdon-local-zone=${encodeURIComponent(here)}; path=/; max-age=31536000; samesite=lax`

export const $ = (selector, root = document) => root.querySelector(selector)
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)]
document.documentElement.classList.add('js')

// --- what was done, said once -------------------------------------------------------------------
const said = $('#said')
export const say = (text) => { said.textContent = text }
let fading
if (said) new MutationObserver(() => {
  clearTimeout(fading)
  if (said.textContent.trim()) fading = setTimeout(() => said.replaceChildren(), 12000)
}).observe(said, {childList: true, characterData: true, subtree: true})

// --- what the server is asked for beside the page -----------------------------------------------
// An answer; nothing where none came, or where the session has ended: then people were told.
const unreached = () => say('The server could not be reached. Nothing was changed; try again.')
export const ask = async (address, form) => {
  const answer = await fetch(address, {
    method: form ? 'POST' : 'GET',
    headers: {'HX-Request': 'true', 'HX-Current-URL': location.href},
    body: form && new URLSearchParams(new FormData(form)),
  }).catch(unreached)
  if (answer?.status !== 401) return answer
  ended(await answer.text())
}
const ended = (html) => {
  const over = $('#ended')
  if (over.open) return
  put(over, html)
  over.showModal()
}
// htmx asks by itself for what the dialog sends and for the live stream.
document.addEventListener('htmx:after:request', (event) => {
  const {response, text} = event.detail.ctx
  if (response.status !== 401) return
  event.preventDefault()
  ended(text)
})
// What was typed is there again after signing in, in this tab alone.
const TYPED = 'guerdon-typed', fields = 'textarea, [name=reason]'
const keep = () => sessionStorage.setItem(TYPED, JSON.stringify($$(fields).map((one) => [one.form.action, one.value])))
const restore = (root) => {
  const kept = JSON.parse(sessionStorage.getItem(TYPED) ?? '[]')
  for (const field of $$(fields, root)) {
    const at = kept.findIndex(([action, value]) => value && action === field.form.action)
    if (at < 0) continue
    field.value = kept.splice(at, 1)[0][1]
    sessionStorage.setItem(TYPED, JSON.stringify(kept))
  }
}

// --- rows open and close ------------------------------------------------------------------------
const detailOf = (id) => document.getElementById('d-' + id)

const remember = () => {
  const address = new URL(location.href)
  const open = $$('tr.detail').map((row) => row.id.slice(2))
  if (open.length) address.searchParams.set('open', open.join(','))
  else address.searchParams.delete('open')
  history.replaceState(history.state, '', address)
}

const load = async (id) => {
  const cell = detailOf(id)?.firstElementChild
  if (!cell) return
  cell.setAttribute('aria-busy', 'true')
  const address = $(`[data-expand="${id}"]`).href.split('?')[0] + '/events'
  const answer = await ask(address)
  const html = await answer?.text() ?? ''
  // A note that is being written stays, whatever happens to its transaction meanwhile.
  const draft = $('textarea', cell)
  const at = draft && document.activeElement === draft ? draft.selectionStart : null
  put(cell, html)
  const again = $('textarea', cell)
  if (again && draft?.value) again.value = draft.value
  if (again && at !== null) { again.focus(); again.setSelectionRange(at, at) }
  if (!answer?.ok) {
    const retry = document.createElement('button')
    retry.className = 'button small'
    retry.textContent = 'Try again'
    retry.onclick = () => load(id)
    cell.append('Could not load events. ', retry)
  }
  cell.removeAttribute('aria-busy')
}

// Fragments are ours, from our own origin; templates keep them inert until they are in place.
export const put = (where, html) => {
  const template = document.createElement('template')
  template.innerHTML = html
  where.replaceChildren(template.content)
  restore(where)
}

const expand = (id, {wanted, quiet} = {}) => {
  const handle = $(`[data-expand="${id}"]`)
  if (!handle) return
  const row = handle.closest('tr')
  const open = detailOf(id)
  if (open && wanted !== true) {
    open.remove()
    handle.setAttribute('aria-expanded', 'false')
  } else if (!open) {
    const detail = document.createElement('tr')
    detail.className = 'detail'
    detail.id = 'd-' + id
    detail.setAttribute('role', 'row')
    const cell = document.createElement('td')
    cell.colSpan = row.cells.length
    cell.setAttribute('role', 'cell')
    detail.append(cell)
    row.after(detail)
    handle.setAttribute('aria-expanded', 'true')
    handle.setAttribute('aria-controls', detail.id)
    load(id)
  }
  if (!quiet) remember()
}

for (const handle of $$('[data-expand]')) {
  handle.setAttribute('role', 'button')
  handle.setAttribute('aria-expanded', 'false')
}
for (const row of $$('tr[data-opened]')) expand(row.id.slice(2), {wanted: true, quiet: true})

// --- the dialog ---------------------------------------------------------------------------------
const dialog = $('#dialog')
let asker, asked

const show = async (link, address = link.href) => {
  asker = link
  asked = address
  const answer = await ask(address)
  if (!answer) return
  const typed = $('[name=reason]', dialog)?.value
  put(dialog, await answer.text())
  const reason = $('[name=reason]', dialog)
  if (typed && reason) reason.value = typed
  if (!dialog.open) dialog.showModal()
  $('[autofocus]', dialog)?.focus()
}
// Where no live feed tells of it, an open dialog looks by itself whether it still is true.
setInterval(async () => {
  const seen = $('[name=seen], [name=n]', dialog)
  if (live || document.hidden || !dialog?.open || !seen || dialog.getAttribute('aria-busy') === 'true') return
  const answer = await ask(asked)
  if (!answer) return
  const fresh = document.createElement('template')
  fresh.innerHTML = await answer.text()
  if (dialog.open && seen.isConnected && $(`[name=${seen.name}]`, fresh.content)?.value !== seen.value) show(asker, asked)
}, 4000)

const back = () => {
  // A live update may have put the same button there anew.
  const link = asker?.isConnected ? asker : $$('[data-dialog]').find((one) => one.href === asker?.href)
  if (link?.getClientRects().length) link.focus()
  else $(`[data-expand="${asker?.href?.split('/').at(-2)}"]`)?.focus()
}
// A form that asks first: its answer is the dialog.
for (const form of $$('[data-ask]')) form.addEventListener('submit', (event) => {
  event.preventDefault()
  show(event.submitter, `${form.action}?${new URLSearchParams(new FormData(form))}`)
})
dialog?.addEventListener('close', () => { dialog.replaceChildren(); back() })

dialog?.addEventListener('submit', async (event) => {
  const form = event.target
  if (form.method === 'dialog') return
  // What comes back is a file, or a page of its own.
  if (form.dataset.file) { say(form.dataset.file); dialog.close(); return }
  event.preventDefault()
  const buttons = $$('button', form)
  for (const button of buttons) button.disabled = true
  dialog.setAttribute('aria-busy', 'true')
  try {
    await htmx.ajax('POST', event.submitter?.getAttribute('formaction') ?? form.action, {source: form, target: dialog, swap: 'innerHTML'})
  } finally {
    dialog.removeAttribute('aria-busy')
    for (const button of buttons) button.disabled = false
  }
})
document.addEventListener('decided', () => {
  const {decision: id, verb} = $('form', dialog)?.dataset ?? {}
  dialog.close()
  if (id && detailOf(id)) load(id)
  // A page of its own tells more than the cells that were put in place: it is loaded again.
  else if (id && location.pathname.endsWith(id)) location.search = '?done=' + verb
})
document.addEventListener('htmx:error', unreached)

// --- copying, over plain HTTP too ---------------------------------------------------------------
const copy = async (text, button) => {
  let worked = true
  if (navigator.clipboard && isSecureContext) {
    await navigator.clipboard.writeText(text).catch(() => { worked = false })
  } else {
    const area = document.createElement('textarea')
    area.value = text
    area.className = 'unseen'
    button.after(area)
    area.select()
    worked = document.execCommand('copy')
    area.remove()
    button.focus()
  }
  say(worked ? 'Copied.' : 'The browser did not allow copying.')
}

// --- clicks -------------------------------------------------------------------------------------
document.addEventListener('click', (event) => {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
  const at = (selector) => event.target.closest?.(selector)
  const handle = at('[data-expand]')
  if (handle) { event.preventDefault(); expand(handle.dataset.expand); return }
  const question = at('[data-dialog]')
  if (question && dialog) { event.preventDefault(); show(question); return }
  const over = at('[data-close]')?.closest('dialog')
  if (over) { event.preventDefault(); over.close(); return }
  if (at('#ended a')) keep()
  if (at('[data-keys]')) { event.preventDefault(); help(); return }
  if (at('[data-palette]')) { event.preventDefault(); jump(); return }
  const mover = at('.chooser [name=move]')
  if (mover) {
    const line = mover.closest('li')
    if (mover.value.startsWith('up')) line.previousElementSibling?.before(line)
    else line.nextElementSibling?.after(line)
    mover.focus()
    event.preventDefault()
    return
  }
  const filler = at('[data-fill]')
  if (filler) { const field = $('[name=reason]', filler.form); field.value = filler.dataset.fill; field.focus(); return }
  const copier = at('[data-copy]')
  if (copier) { copy(copier.dataset.copy, copier); return }
  const texts = at('[data-copy-text], [data-raw], [data-save]')
  if (!texts) return
  const side = texts.closest('.side-of')
  const text = $('template', side).content.textContent
  if ('raw' in texts.dataset) {
    const pre = $('pre', side)
    const raw = texts.getAttribute('aria-pressed') === 'false'
    if (raw) pre.laidOut = [...pre.childNodes]
    pre.replaceChildren(...(raw ? [text] : pre.laidOut))
    texts.setAttribute('aria-pressed', raw)
  } else if (texts.dataset.save) {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([text]))
    link.download = texts.dataset.save
    link.click()
    URL.revokeObjectURL(link.href)
  } else copy(text, texts)
})

// What opened above the page closes when people go on elsewhere.
const fold = (target) => {
  const open = $$('details.pop[open]').filter((one) => !one.contains(target))
  for (const one of open) one.open = false
  return open[0]
}
addEventListener('pointerdown', (event) => fold(event.target))

document.addEventListener('change', (event) => {
  if (event.target.matches?.('[data-submit]')) event.target.form.requestSubmit()
})

for (const place of ['#summary', '#review', '#trial']) if ($(place)) { $(place).focus(); break }
document.addEventListener('input', (event) => {
  for (const place of $$(`[data-shows="${event.target.name}"]`)) place.textContent = event.target.value || '…'
})

// What a currency option pays out, as exactly as the server reckons.
const worked = $('[data-worked]')
const whole = (name, or) => {
  const digits = $(`[name="${name}"]`).value.replaceAll(',', '').trim()
  return /^\d{1,15}$/.test(digits) ? BigInt(digits) : or
}
if (worked) document.addEventListener('input', () => {
  const [low, high] = [whole('minTokens', 1n), whole('maxTokens', 1200n)]
  const most = high < 1200n ? high : 1200n
  const tokens = low > most ? low : most
  const lines = $('[name=rates]').value.split('\n').map((line) => /^\s*([A-Z]{3})\s+(\d{1,14})(?:\.(\d{1,14}))?\s*$/.exec(line))
  worked.replaceChildren(...lines.filter(Boolean).map(([, currency, units, part = '']) => {
    const cents = tokens * BigInt(units + part) * 100n / 10n ** BigInt(part.length)
    const item = document.createElement('li')
    item.textContent = `${tokens.toLocaleString('en')} tokens → ${currency} ${(cents / 100n).toLocaleString('en')}.${String(cents % 100n).padStart(2, '0')}`
    return item
  }))
})

document.addEventListener('submit', async (event) => {
  const form = event.target
  if (!form.matches('[data-reveal], [data-desk]')) return
  event.preventDefault()
  const answer = await ask(form.action, form)
  if (!answer) return
  const history = form.closest('.history')
  const html = await answer.text()
  if (answer.ok && history) {
    const where = history.parentElement
    put(where, html)
    $(form.matches('[data-reveal]') ? '.payloads summary' : `[action="${form.getAttribute('action')}"] :is(textarea, button)`, where)?.focus()
  } else {
    const told = document.createElement('template')
    told.innerHTML = html
    say($('[role=alert] p', told.content)?.textContent ?? 'That did not work. Load the page again.')
  }
})

// --- ages grow ----------------------------------------------------------------------------------
const age = (seconds) => {
  const unit = (size, name, rest, small) => `${Math.floor(seconds / size)} ${name} ${Math.floor((seconds % size) / rest)} ${small}`
  if (seconds < 60) return `${Math.floor(seconds)} s`
  if (seconds < 600) return unit(60, 'm', 1, 's').replace(' 0 s', '')
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`
  if (seconds < 86400) return unit(3600, 'h', 60, 'm')
  return unit(86400, 'd', 3600, 'h')
}
setInterval(() => {
  if (document.hidden) return
  for (const one of $$('[data-since]')) {
    const text = age(Math.max(0, (Date.now() - Date.parse(one.dataset.since)) / 1000))
    if (text !== one.textContent) one.textContent = text
  }
}, 15000)

// --- live updates -------------------------------------------------------------------------------
// Cells are put in place by htmx; here it is said how the stream stands, and what else changed.
const live = $('#live')
const arrived = new Set()
const news = {fresh: 0, open: 0, saying: 0}
let lastHeard

const stands = (state, text) => {
  live.dataset.state = state
  live.lastElementChild.textContent = text
}
const clockNow = () => new Date().toLocaleTimeString([], {hour12: false})
const away = (seconds) => {
  if (live.dataset.state === 'paused') return
  const how = !navigator.onLine ? 'Offline' : seconds ? `Reconnecting in ${seconds} s` : 'Reconnecting'
  stands('away', lastHeard ? `${how}, data from ${lastHeard}` : how)
}
const refresh = () => {
  if (!dialog.open) location.reload()
  else dialog.addEventListener('close', () => location.reload(), {once: true})
}

const told = ({id, belongs, open, events}) => {
  const row = document.getElementById('t-' + id)
  if (!row) {
    if (belongs && !arrived.has(id)) { arrived.add(id); news.fresh++; news.open += open ? 1 : 0 }
    if (!belongs) arrived.delete(id)
    const more = $('#more')
    more.hidden = !arrived.size
    more.firstElementChild.textContent = arrived.size
  } else {
    row.classList.toggle('gone', !belongs)
    if (row.dataset.events !== String(events)) {
      row.dataset.events = events
      if (detailOf(id)) load(id)
      const form = $('form', dialog)
      if (dialog.open && form?.dataset.decision === id && dialog.getAttribute('aria-busy') !== 'true') show(asker)
    }
  }
  if (!news.saying && news.fresh) news.saying = setTimeout(() => {
    const heard = $('#heard') ?? said
    heard.textContent = `${news.fresh} new transaction${news.fresh > 1 ? 's' : ''}` + (news.open ? `, ${news.open} now need${news.open > 1 ? '' : 's'} a decision` : '')
    Object.assign(news, {fresh: 0, open: 0, saying: 0})
  }, 5000)
}

// A cell that says something else flashes once; an age that grows says the same.
const list = $('.rows tbody')
const says = (cell) => $('[data-since]', cell)?.dataset.since ?? cell.textContent.trim()
const before = new WeakMap($$('td[id]').map((cell) => [cell, says(cell)]))
if (live && list) new MutationObserver((changes) => {
  for (const {target: cell} of changes) {
    if (!cell.matches('td[id]') || before.get(cell) === says(cell)) continue
    before.set(cell, says(cell))
    cell.classList.remove('fresh')
    void cell.offsetWidth
    cell.classList.add('fresh')
  }
}).observe(list, {childList: true, subtree: true})

// Connected from here and not by htmx's own start, which may come before anybody listens.
const stream = live?.getAttribute('hx-sse:connect')
const connect = () => htmx.ajax('GET', stream, {source: live})

if (live) {
  const hear = () => { lastHeard = clockNow() }
  live.addEventListener('htmx:sse:after:connection', (event) => {
    if (event.detail.connection.status === 200 && live.dataset.state !== 'paused') { hear(); stands('live', 'Live') }
  })
  live.addEventListener('htmx:sse:before:connection', (event) => {
    if (live.dataset.state === 'paused') event.detail.connection.cancelled = true
    else if (event.detail.connection.attempt > 0) away()
  })
  live.addEventListener('htmx:sse:before:message', (event) => {
    if (live.dataset.state === 'paused') event.detail.cancelled = true
    else hear()
  })
  live.addEventListener('htmx:sse:error', (event) => {
    away()
    if (event.detail.status === 401) ask(stream).then(() => stands('paused', 'Signed out'))
  })
  const retry = (event) => {
    if (event.target !== live) return
    event.stopPropagation()
    if (event.detail.ctx?.response?.status === 401) { stands('paused', 'Signed out'); return }
    away(4)
    setTimeout(connect, 4000)
  }
  live.addEventListener('htmx:error', retry)
  live.addEventListener('htmx:response:error', retry)
  live.addEventListener('change', (event) => told(JSON.parse(event.detail.data)))
  live.addEventListener('refresh', refresh)
  live.addEventListener('click', () => {
    if (live.dataset.state === 'paused') location.reload()
    else stands('paused', 'Paused')
  })
  connect()
}

// --- ticks ---------------------------------------------------------------------------------------
const picks = $$('.pick')
const allOf = $('#all')
let lastPick
const counted = () => {
  const n = picks.filter((one) => one.checked).length
  const form = $('#bulk')
  $('#ticked').textContent = n ? `The ${n} ticked` : 'The ticked ones'
  allOf.checked = n === picks.length
  allOf.indeterminate = n > 0 && n < picks.length
  const none = !n && form.elements.scope.value === 'ticked'
  for (const button of $$('button', form)) button.disabled = none
}
if (allOf) {
  allOf.hidden = false
  allOf.addEventListener('change', () => { for (const one of picks) one.checked = allOf.checked })
  addEventListener('change', counted)
  addEventListener('pageshow', counted)
  counted()
}
const tick = (through) => {
  const pick = $('.pick', document.activeElement?.closest?.('tr') ?? document.createElement('i'))
  if (!pick) return
  const from = through && lastPick ? picks.indexOf(lastPick) : picks.indexOf(pick)
  const [first, last] = [from, picks.indexOf(pick)].sort((a, b) => a - b)
  const wanted = through ? true : !pick.checked
  for (const one of picks.slice(first, last + 1)) one.checked = wanted
  lastPick = pick
  counted()
}

// --- keys ---------------------------------------------------------------------------------------
const step = (by) => {
  const handles = $$('[data-expand]')
  const row = document.activeElement?.closest?.('tr')
  const now = handles.findIndex((one) => one.closest('tr') === row)
  handles[Math.min(Math.max(now + by, 0), handles.length - 1)]?.focus()
}
const inRow = (selector) => $(selector, document.activeElement?.closest?.('tr') ?? document.createElement('i'))?.click()
const quiet = () => localStorage.getItem('guerdon-keys') === 'off'
const help = async () => {
  if (!dialog || !$('[data-keys]')) return
  await show($('[data-keys]'))
  const on = $('#keys-on', dialog)
  on.checked = !quiet()
  on.addEventListener('change', () => localStorage.setItem('guerdon-keys', on.checked ? 'on' : 'off'))
}
// Suggestions and the palette come when somebody goes there.
const finder = () => import('./find.js')
const jump = async () => { const link = $('[data-palette]'); if (link) (await finder()).palette(link) }
$('#find')?.addEventListener('focus', async (event) => (await finder()).suggest(event.target), {once: true})
// After "g", a key says where to.
const places = {t: '/redeem/transactions', o: '/redeem/options', u: '/members'}
let going = 0
const keys = {
  '?': help,
  '/': () => $('#find')?.focus(),
  j: () => step(1),
  k: () => step(-1),
  x: () => tick(false),
  X: () => tick(true),
  o: () => inRow('[data-expand]'),
  c: () => inRow('[href$="/confirm"]'),
  C: () => inRow('[href$="/cancel"]'),
  n: () => ($('textarea', document.activeElement?.closest?.('tr')?.nextElementSibling ?? document) ?? $('.desk textarea'))?.focus(),
  a: () => $('[data-assign]', document.activeElement?.closest?.('tr.detail, tr')?.nextElementSibling ?? document)?.click(),
  '.': () => { const more = $('#more'); if (more && !more.hidden) more.click() },
  r: () => live?.click(),
  y: () => $$('[open] [data-copy-text]', document.activeElement?.closest?.('tr')?.nextElementSibling ?? document).find((one) => one.getClientRects().length)?.click(),
  e: () => $('#export')?.click(),
  g: () => { going = Date.now() },
  '[': () => $('[rel=prev]')?.click(),
  ']': () => $('[rel=next]')?.click(),
}
document.addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === 'k' && !dialog?.open) { event.preventDefault(); jump(); return }
  if (event.ctrlKey || event.metaKey || event.altKey || $('dialog[open]')) return
  if (event.key === 'Escape') { $('summary', fold() ?? document.createElement('i'))?.focus(); return }
  if (event.target.closest('input:not(.pick), textarea, select, [contenteditable]')) return
  if (event.key === ' ' && event.target.matches('[data-expand]')) { event.preventDefault(); event.target.click(); return }
  if (quiet()) return
  const place = Date.now() - going < 2000 && places[event.key]
  going = 0
  const act = place ? () => $(`.side a[href$="${place}"]`)?.click() : keys[event.key]
  if (act) { event.preventDefault(); act() }
})

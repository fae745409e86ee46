// What the console does without loading a page. Every control here is a link or a form that works
// without this file.

// Tells the server which time zone "local" is.
const here = Intl.DateTimeFormat().resolvedOptions().timeZone
if (here) document.cookie = `guerdon-local-zone=${encodeURIComponent(here)}; path=/; max-age=31536000; samesite=lax`

export const $ = (selector, root = document) => root?.querySelector(selector)
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)]
document.documentElement.classList.add('js')
const rowHere = () => document.activeElement.closest('tr')
const below = () => rowHere()?.nextElementSibling ?? document

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
// What was typed stays, whatever is put in place meanwhile; after signing in, in this tab, it is
// there again.
const TYPED = 'guerdon-typed'
const fieldsIn = (root) => $$('form textarea, [name=reason]', root)
const typedIn = (root) => fieldsIn(root).map((one) => [one.form.action, one.value])
const keep = () => { sessionStorage[TYPED] = JSON.stringify(typedIn(document)) }
let left = JSON.parse(sessionStorage[TYPED] ?? '[]')
if (said) delete sessionStorage[TYPED]
const renew = (where, html) => {
  const kept = [...left, ...typedIn(where)]
  put(where, html)
  for (const field of fieldsIn(where)) {
    const found = kept.findLast(([action, value]) => value && action === field.form.action)
    if (found) field.value = found[1]
    left = left.filter((one) => one !== found)
  }
}

// --- rows open and close ------------------------------------------------------------------------
const detailOf = (id) => document.getElementById('d-' + id)

const remember = () => {
  const address = new URL(location.href)
  const open = $$('tr.detail').map((row) => row.id.slice(2))
  address.searchParams[open.length ? 'set' : 'delete']('open', open.join())
  history.replaceState(history.state, '', address)
}

const load = async (id) => {
  const cell = detailOf(id)?.firstElementChild
  if (!cell) return
  cell.ariaBusy = true
  const answer = await ask($(`[data-expand="${id}"]`).href + '/events')
  const html = await answer?.text() ?? ''
  // Who writes a note goes on writing.
  const at = $('textarea:focus', cell)?.selectionStart
  // What was shown before is better than nothing.
  if (answer?.ok || !$('.history', cell)) renew(cell, html)
  const note = $('textarea', cell)
  if (note && at !== undefined) { note.focus(); note.setSelectionRange(at, at) }
  if (!$('.history', cell)) cell.insertAdjacentHTML('beforeend', `Could not load events. <button class="button small" data-load="${id}">Try again</button>`)
  cell.ariaBusy = null
}

// Fragments are ours, from our own origin; templates keep them inert until they are in place.
const parsed = (html) => {
  const template = document.createElement('template')
  template.innerHTML = html
  return template.content
}
export const put = (where, html) => where.replaceChildren(parsed(html))

const expand = (id, {wanted, quiet} = {}) => {
  const handle = $(`[data-expand="${id}"]`)
  if (!handle) return
  const row = handle.closest('tr')
  const open = detailOf(id)
  if (open && wanted !== true) {
    open.remove()
    handle.ariaExpanded = false
  } else if (!open) {
    row.insertAdjacentHTML('afterend', `<tr class="detail" id="d-${id}" role="row"><td role="cell" colspan="${row.cells.length}"></td></tr>`)
    handle.ariaExpanded = true
    handle.setAttribute('aria-controls', 'd-' + id)
    load(id)
  }
  if (!quiet) remember()
}

for (const handle of $$('[data-expand]')) {
  handle.role = 'button'
  handle.ariaExpanded = false
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
  renew(dialog, await answer.text())
  if (!dialog.open) dialog.showModal()
  $('[autofocus]', dialog)?.focus()
}
// Where no live feed tells of it, an open dialog looks by itself whether it still is true.
setInterval(async () => {
  const seen = $('[name=seen], [name=n]', dialog)
  if (live || document.hidden || !seen || dialog.inert) return
  const answer = await ask(asked)
  if (!answer) return
  const fresh = parsed(await answer.text())
  if (seen.isConnected && $(`[name=${seen.name}]`, fresh)?.value !== seen.value) show(asker, asked)
}, 4000)

const back = () => {
  // A live update may have put the same button there anew.
  const link = asker?.isConnected ? asker : $$('[data-dialog]').find((one) => one.href === asker?.href)
  if (link?.getClientRects().length) link.focus()
  else $(`[data-expand="${asker?.href?.split('/').at(-2)}"]`)?.focus()
}
dialog?.addEventListener('close', () => { dialog.replaceChildren(); back() })

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
  let worked = await navigator.clipboard?.writeText(text).then(() => true, () => false)
  if (!worked) {
    const focused = document.activeElement
    const area = document.createElement('textarea')
    area.value = text
    area.className = 'unseen'
    button.after(area)
    area.select()
    worked = document.execCommand('copy')
    area.remove()
    focused.focus()
  }
  say(worked ? 'Copied.' : 'The browser did not allow copying.')
}

// --- clicks -------------------------------------------------------------------------------------
const textOf = (side) => $('template', side).content.textContent
const clicks = {
  '[data-expand]': (one) => expand(one.dataset.expand),
  '[data-load]': (one) => load(one.dataset.load),
  '[data-dialog]': (one) => show(one),
  'dialog [data-close]': (one) => one.closest('dialog').close(),
  '[data-keys]': () => help(),
  '[data-palette]': () => jump(),
  '[data-copy]': (one) => copy(one.dataset.copy, one),
  '[data-copy-text]': (one) => copy(textOf(one.closest('.side-of')), one),
  '[data-fill]': (one) => {
    const field = $('[name=reason]', one.form)
    field.value = one.dataset.fill
    field.focus()
  },
  '[data-raw]': (one) => {
    const side = one.closest('.side-of')
    const pre = $('pre', side)
    const raw = one.ariaPressed === 'false'
    pre.laidOut ??= [...pre.childNodes]
    pre.replaceChildren(...(raw ? [textOf(side)] : pre.laidOut))
    one.ariaPressed = raw
  },
  '[data-save]': (one) => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([textOf(one.closest('.side-of'))]))
    link.download = one.dataset.save
    link.click()
    URL.revokeObjectURL(link.href)
  },
}
document.addEventListener('click', (event) => {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
  if (event.target.closest('#ended a')) keep()
  for (const [selector, act] of Object.entries(clicks)) {
    const one = event.target.closest(selector)
    if (!one) continue
    event.preventDefault()
    act(one)
    return
  }
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

$('#summary, #review, #trial')?.focus()
document.addEventListener('input', (event) => {
  for (const place of $$(`[data-shows="${event.target.name}"]`)) place.textContent = event.target.value || '…'
})

// --- forms --------------------------------------------------------------------------------------
const decide = async (form, button) => {
  dialog.inert = true
  await htmx.ajax('POST', button?.getAttribute('formaction') ?? form.action, {source: form, target: dialog, swap: 'innerHTML'}).finally(() => { dialog.inert = false })
}
// In a history: its answer is the history anew, or why not.
const tell = async (form) => {
  const answer = await ask(form.action, form)
  if (!answer) return
  const html = await answer.text()
  const where = form.closest('.history')?.parentElement
  if (answer.ok && where) {
    put(where, html)
    $(form.matches('[data-reveal]') ? '.payloads summary' : `[action="${form.getAttribute('action')}"] :is(textarea, button)`, where)?.focus()
  } else say($('[role=alert] p', parsed(html))?.textContent ?? 'That did not work. Load the page again.')
}
document.addEventListener('submit', (event) => {
  const {target: form, submitter} = event
  // What comes back is a file, or a page of its own.
  const inside = form.method !== 'dialog' && form.closest('#dialog')
  if (inside && form.dataset.file) { say(form.dataset.file); dialog.close(); return }
  if (inside) decide(form, submitter)
  else if (form.matches('[data-reveal], [data-desk]')) tell(form)
  // One that asks first: its answer is the dialog.
  else if (form.matches('[data-ask]')) show(submitter, `${form.action}?${new URLSearchParams(new FormData(form))}`)
  else return
  event.preventDefault()
})

// --- ages grow ----------------------------------------------------------------------------------
const UNITS = [[86400, 'd', 3600, 'h'], [3600, 'h', 60, 'm'], [60, 'm', 1, 's']]
const age = (seconds) => {
  const [size, name, rest, small] = UNITS.find(([size]) => seconds >= size) ?? [1, 's']
  const more = Math.floor((seconds % size) / rest)
  return `${Math.floor(seconds / size)} ${name}` + (rest > 1 || (more && seconds < 600) ? ` ${more} ${small}` : '')
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
const away = (seconds) => {
  if (live.dataset.state === 'paused') return
  const how = navigator.onLine ? 'Reconnecting' + (seconds ? ` in ${seconds} s` : '') : 'Offline'
  stands('away', lastHeard ? `${how}, data from ${lastHeard}` : how)
}
const refresh = () => {
  if (dialog.open) dialog.addEventListener('close', refresh)
  else location.reload()
}

const told = ({id, belongs, open, events}) => {
  const row = document.getElementById('t-' + id)
  if (!row) {
    if (!belongs) arrived.delete(id)
    else if (!arrived.has(id)) { arrived.add(id); news.fresh++; news.open += open }
    const more = $('#more')
    more.hidden = !arrived.size
    more.firstElementChild.textContent = arrived.size
  } else {
    row.classList.toggle('gone', !belongs)
    if (row.dataset.events !== String(events)) {
      row.dataset.events = events
      if (detailOf(id)) load(id)
      const form = $('form', dialog)
      if (dialog.open && form?.dataset.decision === id && !dialog.inert) show(asker)
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
  const hear = () => { lastHeard = new Date().toLocaleTimeString([], {hour12: false}) }
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
  const pick = $('.pick', rowHere())
  if (!pick) return
  const [first, last] = [through && lastPick || pick, pick].map((one) => picks.indexOf(one)).sort((a, b) => a - b)
  const wanted = through || !pick.checked
  for (const one of picks.slice(first, last + 1)) one.checked = wanted
  lastPick = pick
  counted()
}

// --- keys ---------------------------------------------------------------------------------------
const step = (by) => {
  const handles = $$('[data-expand]')
  const row = rowHere()
  const now = handles.findIndex((one) => one.closest('tr') === row)
  handles[Math.min(Math.max(now + by, 0), handles.length - 1)]?.focus()
}
const inRow = (selector) => $(selector, rowHere())?.click()
const quiet = () => localStorage['guerdon-keys'] === 'off'
const help = async () => {
  await show($('[data-keys]'))
  const on = $('#keys-on', dialog)
  on.checked = !quiet()
  on.addEventListener('change', () => { localStorage['guerdon-keys'] = on.checked ? 'on' : 'off' })
}
// Suggestions and the palette come when somebody goes there.
const finder = () => import('./find.js')
const jump = async () => (await finder()).palette()
$('[data-suggest]')?.addEventListener('focus', async (event) => (await finder()).suggest(event.target), {once: true})
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
  n: () => ($('textarea', below()) ?? $('.desk textarea'))?.focus(),
  a: () => $('[data-assign]', below())?.click(),
  '.': () => { const more = $('#more'); if (more && !more.hidden) more.click() },
  r: () => live?.click(),
  y: () => $$('[open] [data-copy-text]', below()).find((one) => one.getClientRects().length)?.click(),
  e: () => $('#export')?.click(),
  g: () => { going = Date.now() },
  '[': () => $('[rel=prev]')?.click(),
  ']': () => $('[rel=next]')?.click(),
}
if (dialog) document.addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === 'k' && !dialog.open) { event.preventDefault(); jump(); return }
  if (event.ctrlKey || event.metaKey || event.altKey || $('dialog[open]')) return
  if (event.key === 'Escape') { $('summary', fold() ?? null)?.focus(); return }
  if (event.target.closest('input:not(.pick), textarea, select, [contenteditable]')) return
  if (event.key === ' ' && event.target.matches('[data-expand]')) { event.preventDefault(); event.target.click(); return }
  if (quiet()) return
  const place = Date.now() - going < 2000 && places[event.key]
  going = 0
  const act = place ? () => $(`.side a[href$="${place}"]`)?.click() : keys[event.key]
  if (act) { event.preventDefault(); act() }
})

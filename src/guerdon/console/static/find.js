// What the search box and the palette suggest: an ARIA combobox. Loaded when somebody goes there.
import {$, $$, ask, put} from './console.js'

const combobox = (input, list, address, pick) => {
  let options = [], at = -1, asked = 0, waiting
  const show = (open) => {
    list.hidden = !open
    input.setAttribute('aria-expanded', open)
  }
  const mark = (n) => {
    options[at]?.setAttribute('aria-selected', 'false')
    at = n
    options[at]?.setAttribute('aria-selected', 'true')
    options[at]?.scrollIntoView({block: 'nearest'})
    if (options[at]) input.setAttribute('aria-activedescendant', options[at].id)
    else input.removeAttribute('aria-activedescendant')
  }
  const load = async () => {
    const turn = ++asked
    const answer = await ask(address())
    if (!answer?.ok || turn !== asked) return
    const html = await answer.text()
    if (turn !== asked) return
    mark(-1)
    put(list, html)
    options = $$('[role=option]', list)
    show(list.childElementCount > 0 && document.activeElement === input)
  }
  const close = () => { asked++; mark(-1); show(false) }
  for (const [name, value] of [['role', 'combobox'], ['aria-autocomplete', 'list'], ['aria-controls', list.id], ['aria-expanded', 'false']]) input.setAttribute(name, value)
  input.addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(load, 120) })
  input.addEventListener('focus', load)
  input.addEventListener('blur', close)
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      if (list.hidden) load()
      else mark(((event.key === 'ArrowDown' ? at + 1 : at - 1 + (at < 0)) + options.length) % options.length)
    } else if (event.key === 'Enter' && options[at]) {
      event.preventDefault()
      pick(options[at])
    } else if (event.key === 'Escape' && !list.hidden) {
      event.preventDefault()
      event.stopPropagation()
      close()
    }
  })
  // The box keeps the focus while a line is picked.
  list.addEventListener('pointerdown', (event) => event.preventDefault())
  list.addEventListener('click', (event) => {
    const option = event.target.closest('[role=option]')
    if (option) pick(option)
  })
  return {load, close, first: () => options[0]}
}

const listbox = (id, name) => {
  const list = document.createElement('ul')
  list.id = id
  list.className = 'suggestions'
  list.hidden = true
  list.setAttribute('role', 'listbox')
  list.setAttribute('aria-label', name)
  return list
}

// The word that is being typed: a quoted value may have spaces.
const word = /(?:[^\s"]|"[^"]*"?)*$/

export const suggest = (input) => {
  const list = listbox('suggestions', 'Suggestions')
  input.form.append(list)
  const box = combobox(input, list, () => `${input.dataset.suggest}?word=${encodeURIComponent(word.exec(input.value)[0])}`, (option) => {
    const whole = 'whole' in option.dataset
    input.value = input.value.replace(word, '') + option.dataset.put
    if (whole) { box.close(); input.form.requestSubmit() } else box.load()
  })
  if (document.activeElement === input) box.load()
}

export const palette = (link) => {
  let dialog = $('#palette')
  if (!dialog) {
    dialog = document.createElement('dialog')
    dialog.id = 'palette'
    dialog.setAttribute('aria-label', 'Jump to')
    const input = document.createElement('input')
    input.type = 'search'
    input.placeholder = 'Any ID, member, option, view or page'
    input.setAttribute('aria-label', input.placeholder)
    const list = listbox('places', 'Places')
    dialog.append(input, list)
    document.body.append(dialog)
    const go = (option) => { location.href = option.dataset.where }
    const box = combobox(input, list, () => `${link.href}?q=${encodeURIComponent(input.value)}`, go)
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.defaultPrevented && box.first()) go(box.first())
    })
    dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close() })
    dialog.addEventListener('close', () => { input.value = '' })
  }
  dialog.showModal()
}

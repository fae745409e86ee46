// What the search box and the palette suggest: an ARIA combobox. Loaded when somebody goes there.
import {$, $$, ask, put} from './console.js'

const combobox = (input, list, address, pick) => {
  let options = [], at = -1, asked = 0, waiting
  const show = (open) => {
    list.hidden = !open
    input.ariaExpanded = open
  }
  const mark = (n) => {
    if (options[at]) options[at].ariaSelected = false
    at = n
    input.removeAttribute('aria-activedescendant')
    if (!options[at]) return
    input.setAttribute('aria-activedescendant', options[at].id)
    options[at].ariaSelected = true
    options[at].scrollIntoView({block: 'nearest'})
  }
  const load = async () => {
    const turn = ++asked
    const answer = await ask(address())
    const html = await answer?.text()
    if (!answer?.ok || turn !== asked) return
    mark(-1)
    put(list, html)
    options = $$('[role=option]', list)
    show(list.childElementCount > 0 && document.activeElement === input)
  }
  const close = () => { asked++; mark(-1); show(false) }
  input.role = 'combobox'
  input.ariaAutoComplete = 'list'
  input.ariaExpanded = false
  input.setAttribute('aria-controls', list.id)
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

// The word that is being typed: a quoted value may have spaces.
const word = /(?:[^\s"]|"[^"]*"?)*$/

export const suggest = (input) => {
  const box = combobox(input, $('#suggestions'), () => `${input.dataset.suggest}?word=${encodeURIComponent(word.exec(input.value)[0])}`, (option) => {
    input.value = input.value.replace(word, '') + option.dataset.put
    if ('whole' in option.dataset) { box.close(); input.form.requestSubmit() } else box.load()
  })
  if (document.activeElement === input) box.load()
}

const go = (option) => { location.href = option.dataset.where }
const dialog = $('#palette')
const input = $('input', dialog)
const places = combobox(input, $('ul', dialog), () => `${$('[data-palette]').href}?q=${encodeURIComponent(input.value)}`, go)
input.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.defaultPrevented && places.first()) go(places.first())
})
dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close() })
dialog.addEventListener('close', () => { input.value = '' })
export const palette = () => dialog.showModal()

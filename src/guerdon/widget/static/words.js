// Languages: the words come on demand; plurals, numbers and dates are the browser's own.

const LANGUAGES = "en es de fr pt ar".split(" ");
const loaded = {};

class Words {
  constructor(table, language) {
    this.table = table;
    this.language = language;
    this.dir = table.dir ?? "ltr";
    this.plural = new Intl.PluralRules(language);
  }

  /** The words of the first language asked for that there are; the host's own go before ours. */
  static async load(endpoint, asked, own) {
    const known = LANGUAGES.find((one) => one === asked.split("-")[0].toLowerCase()) ?? "en";
    loaded[known] ??= fetch(`${endpoint}/widget/lang/${known}.json?v=${VERSION}`, {
      credentials: "omit",
    }).then((answer) => answer.json());
    try {
      const language = own || asked.toLowerCase().startsWith(known) ? asked : known;
      return new Words({ ...(await loaded[known]), ...own }, language);
    } catch {
      delete loaded[known];
      throw new Trouble("offline");
    }
  }

  /** A sentence. `n` chooses the plural and is shown as a number. */
  say(key, values = {}) {
    let text = this.table[key] ?? key;
    if (typeof text === "object") text = text[this.plural.select(values.n)] ?? text.other;
    return text.replace(/\{(\w+)\}/g, (_, name) =>
      typeof values[name] === "number" ? this.number(values[name]) : values[name],
    );
  }

  number(value) {
    return new Intl.NumberFormat(this.language).format(value).replace("-", "−");
  }

  tokens(n) {
    return this.say("tokens", { n });
  }

  /** Hundredths of a currency, whatever its usual fraction is. */
  money(hundredths, currency) {
    const style = { style: "currency", currency, currencyDisplay: "code" };
    return new Intl.NumberFormat(this.language, style).format(hundredths / 100);
  }

  date(text, timeStyle) {
    const style = { dateStyle: "medium", timeStyle };
    return new Intl.DateTimeFormat(this.language, style).format(new Date(text));
  }
}

"""What browsers load of the widget: lean, and within its budget of bytes."""

import brotli
import pytest

from guerdon.web import words
from guerdon.widget import files, lean

LARGEST_MODULE, LARGEST_LANGUAGE = 10_000, 3_000


def test_the_module_is_light() -> None:
    assert len(brotli.compress(files.module().encode())) <= LARGEST_MODULE


@pytest.mark.parametrize("code", words.LANGUAGES)
def test_a_language_is_light(code: str) -> None:
    assert len(brotli.compress(files.language(code))) <= LARGEST_LANGUAGE


@pytest.mark.parametrize(
    ("source", "served"),
    [
        ("const a = 1; // one\nlet b;", "const a=1;let b;"),
        ("f(a, b,);", "f(a,b);"),
        ("const f = (a) => { return a; };", "const f=a=>{return a};"),
        ("const f = async (a) => {};", "const f=async(a)=>{};"),
        ("const f = (a, b) => ({ a, b, });", "const f=(a,b)=>({a,b});"),
        ("call(x)(y);", "call(x)(y);"),
        (
            "class A { #long = 1; get b() { return this.#long; } }",
            "class A{#a=1;get b(){return this.#a}}",
        ),
        ('say("// no; }", `a ${this.b} }`);', 'say("// no; }",`a ${this.b} }`);'),
        ("a + +b - -c", "a+ +b- -c"),
        ("x.replace(/[;,] }/g, y)", "x.replace(/[;,] }/g,y)"),
    ],
)
def test_a_script_keeps_what_it_means(source: str, served: str) -> None:
    assert lean.script(source) == served


def test_private_names_stay_apart_however_many_there_are() -> None:
    names = [f"#name{n}" for n in range(120)]
    short = lean.script(";".join(f"this.{name}" for name in names)).split(";")
    assert len(set(short)) == len(names)


@pytest.mark.parametrize(
    ("source", "served"),
    [
        ("a { margin: 0.5em -0.25em; } /* no */", "a{margin:.5em -.25em}"),
        ("a { width: 10.5em; z-index: 0; }", "a{width:10.5em;z-index:0}"),
        ("a { width: calc(1em + 0.5em); }", "a{width:calc(1em + .5em)}"),
    ],
)
def test_a_style_keeps_what_it_means(source: str, served: str) -> None:
    assert lean.style(source) == served

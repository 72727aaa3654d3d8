#!/usr/bin/env python3
"""Writes normalizer.txt: strings and what whisper-normalizer makes of them.

    pip install whisper-normalizer==0.1.15
    ./make_normalizer.py

Three lines a string: "E", "B" or "L" (English, basic, basic with split letters) and the text; "="
and the result; an empty line. spellings.json holds those British spellings that occur.
"""
import json
from pathlib import Path

from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

ENGLISH = """\
Hello, world!
I'm sure you're right; he's gone and she'd been there, they'll've known.
Won't you let's go? I can't, ain't that y'all's? We're gonna, wanna, gotta, kinda, sorta, dunno.
I'ma tell you. Imma woulda coulda shoulda 'cause cause because.
Mr. Smith, Mrs. Jones, Dr. No, St. Paul's, Prof. X, Capt. Kirk, Gov. Lee, Gen. Grant.
Sen. Rep. Pres. Rev. Hon. Asst. Assoc. Lt. Col. Jr. Sr. Esq.
It's got to be; he'd gone; she's been; I'd done; who's done?
um, uh, hmm mm mhm mmm umbrella hummus um's
[laughter] well (inaudible) then <noise> yes () [unclosed (paren
he said ' hello ' and 's left
twenty five
twenty-five
one hundred and twenty three
two thousand and ten
twenty ten
nineteen ninety nine
nineteen eighty four
the 1960s and the 1990 s
thirty first of december two thousand twenty one
twenty first century
the twenty-second, the third, the fifth, the twelfth, the ninth, the nineth
one two three four five
one oh one
double seven double oh triple nine
double trouble
triple play
oh zero o
ten thousand dollars
twenty million dollars and fifty cents
$20 million
$2 and 7 cents
two dollars and seven cents
$0.07
five cents
£3.50 and €20
three pounds ten
fifty percent
50 per cent
50 percent of per diem
per cent
two and a half
two and a half million
two and a half million dollars
a dog and a half
point five
three point one four
3 point 14
two point five thousand
2.5 thousand
2.5555 thousand
zero point zero one
minus five
negative twenty
plus one
positive thinking
minus the point
pound
dollars
one
ones
the one and only
1
1s
1.5
1,000,000
1,2,3,4
12,345.67
3.14.15
192.168.1.1
one point two point three
hundred
a hundred
hundreds of thousands
thousands
five hundred thousand
five hundred and
six hundred sixty six
three hundred thousand and five
one million two hundred thousand three hundred forty five
nine hundred ninety nine quintillion
one decillion
decillion decillion
million million
zero million
zeroth
sixes and sevens
twenties thirties fortieth
hundredth thousandth millionth
two hundredth
2.5 hundredth
2.55555 hundredths
fortieth anniversary 40th
21st 22 nd 33 rd 44 th
1 st street
route66 mp3 a1b2c3
007
00
0
0.0
1.0
5.
.5
... wait ... what?
e.g. this, i.e. that.
U.S.A. and U.K.
end.
end..
100%
% of
a % b
%%
$
$$5
5$
¢ 5
a.b.c
-5
+5
+44 20 7946 0958
20-30
3/4
½ cup and ¾
x² + y²
café naïve résumé Ångström
œuvre Œdipus smørrebrød encyclopædia straße STRASSE þorn ðe łódź Đà
İstanbul
ΑΒΓ δ
ﬁne ﬂow
Ｆｕｌｌ ｗｉｄｔｈ
hello\u00a0world\u2003wide
“quoted” ‘single’ it’s don’t
semi-colon; dash—dash – en … ellipsis
#hashtag @user & co.
C++ and C#
a_b_c _x_
colour and flavour, organise the theatre
the grey aeroplane's analyser catalogued
THE COLOUR OF MONEY
honour honours honoured
he travelled and cancelled the programme
I owe you twenty dollars and thirty five cents
it costs $2.50 or 3 dollars 5 cents
one hundred dollars and one cent
one dollar
ninety nine point nine percent
one hundred percent
twenty twenty vision
twenty hundred
eleven hundred
five eleven
one eleven
seven forty seven
one twenty three
three sixty
two oh six five five five one two one two
nine one one
june sixth nineteen forty four
ten four
ten to one
one to ten
one and two
one hundred and one
thousand and one nights
a thousand and one
two and two is four
and five
five and
and
point
point blank
double
triple
per
percent
minus
cent
first
second
seconds
one second
two seconds
half past ten
and a half
three and a half
hundred and a half
three and  a   half hours and a half
sixty five hundred
6 million 5 hundred
3.5 and 4.5
1 and 2
1 2 3
5 hundred
$5 hundred
five $5
five point $5
-3 million
plus 5
minus seven point five
twelve thousand three hundred and forty five point six seven eight
one thousand two
one thousand twenty
one thousand twelve
twenty one twelve
fifty fifty
fifteen fifteen
oh my god
o brother
zero zero seven
so-called
rock 'n' roll
'tis 'twas
o'clock
the '90s
mr. and mrs. st st.
ma'am
he's the one who's got it
she'd've
we've been, I've gone, you'd done
what's been done's done
shan't
don't isn't wasn't
let's let us
123456789012345678901234567890123456789012345
0000012
999 thousand 999
a\tb
trailing space 
 leading space
  many   spaces  """.split("\n")

BASIC = """\
Guten Tag, Herr Müller!
¿Qué tal? ¡Muy bien!
C'est l'été (vraiment) [rires] déjà.
São Paulo é ótimo.
Straße — Größe
你好，世界！
日本語のテスト。
한국어 테스트
Ａｂｃ １２３ ﬁ
x² ½ ™
हिन्दी
\u0130stanbul
a  b\tc
<b>bold</b> text
naïve œuvre""".split("\n")


def main():
    here = Path(__file__).parent
    english, basic, split = (EnglishTextNormalizer(), BasicTextNormalizer(),
                             BasicTextNormalizer(split_letters=True))
    used = {}
    everything = english.standardize_spellings.mapping

    class Recorder(dict):
        def get(self, word, default=None):
            if word in everything:
                used[word] = everything[word]
            return everything.get(word, default)

    english.standardize_spellings.mapping = Recorder()
    out = []
    for kind, normalizer, texts in (("E", english, ENGLISH), ("B", basic, BASIC), ("L", split, BASIC)):
        for text in texts:
            text = text.replace("\\u00a0", "\u00a0").replace("\\u2003", "\u2003").replace("\\t", "\t")
            out.append(f"{kind}{text}\n={normalizer(text)}\n\n")
    (here / "normalizer.txt").write_text("".join(out))
    (here / "spellings.json").write_text(json.dumps(used, indent=1, sort_keys=True) + "\n")
    print(len(out), "strings,", len(used), "spellings")


if __name__ == "__main__":
    main()

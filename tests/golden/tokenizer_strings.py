"""Strings whose token ids the C tokenizers must reproduce."""

STRINGS = [
    "", " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", " \n ", "a  b   c    d", "tail   ", "   head", "a\tb\n\nc",
    "Hello, world!", " Hello world", "hello", "HELLO WORLD", "It's what we'll say: they've, I'd, you're, I'm, don't.",
    "IT'S WHAT WE'LL SAY", "rock 'n' roll", "'s't're've'm'll'd", "It was the best of times, it was the worst of times.",
    "1234567890", "3.14159", "$1,234.56", "12:30pm on 2024-02-29", "٣٤٥", "½ ² Ⅷ ①", "x2y3 4z", "100%", "#hashtag @name",
    "https://example.com/a?b=c&d=e#f", "a.b@c.org", "if (x != y) { return a[i]++; }", "—–-…‘’“”«»", "...?!", "--- ***",
    "(([[{{}}]]))", "naïve café Ünïcödé", "Zażółć gęślą jaźń", "e\u0301 combining versus \u00e9", "Straße, Größe", "Ελληνικά κείμενα",
    "Привет, мир!", "שלום עולם", "مرحبا بالعالم", "नमस्ते दुनिया", "สวัสดีชาวโลก", "你好，世界。", "今日はいい天気ですね。", "안녕하세요 세계",
    "日本語 and English mixed 中文123", "😀", "👩‍👩‍👧‍👦 family", "🇬🇧🇫🇷", "I ❤️ tea ☕", "♩♪♫♬♭♮♯", "\u00a0nbsp\u00a0here\u00a0", "\u3000wide space",
    "zero\u200bwidth", "\ufeffBOM", "tab\there", "soft\u00adhyphen", "\u2028line", "\x00nul", "\x7f\x80\x9f", "\U0001F9D1\u200d\U0001F680",
    "antidisestablishmentarianism supercalifragilisticexpialidocious", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ﬁ ligature ﬀ", "İstanbul ıI",
    " -", " '", "-", "'", " \"", "<|", "|>", "<|notatoken|>", "<endoftext>",
]

# A table entry written out in text. The tokenizers package turns it into its id; the
# original refuses it. What utter does with it is its own choice; the ids are here to see.
SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", " <|nospeech|>", "a<|notimestamps|>b", "<|0.00|>", "<|30.00|>", "<|en|>"]

// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// htmlKinds are the tags of https://core.telegram.org/bots/api#html-style; any other is refused.
var htmlKinds = map[string]string{
	"b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
	"s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler",
	"a": "text_link", "code": "code", "pre": "pre", "blockquote": "blockquote", "tg-emoji": "custom_emoji",
}

type htmlParser struct {
	builder
	src string
	pos int
}

// parseHTML reads HTML parse_mode. It is no browser: every "<" begins a tag, and a tag that is unknown,
// unclosed or crossed is an error.
func parseHTML(src string) (formatted, error) {
	p := &htmlParser{src: src}
	for p.pos < len(src) {
		var err error
		switch src[p.pos] {
		case '<':
			err = p.tag()
		case '&':
			p.reference()
		default:
			p.plain()
		}
		if err != nil {
			return formatted{}, err
		}
	}
	if len(p.open) > 0 {
		return formatted{}, badRequest("can't parse entities: Can't find end tag corresponding to start tag \"%s\"", p.top().name)
	}
	return p.done(), nil
}

func (p *htmlParser) plain() {
	end := strings.IndexAny(p.src[p.pos:], "<&")
	if end < 0 {
		end = len(p.src) - p.pos
	}
	p.write(p.src[p.pos : p.pos+end])
	p.pos += end
}

// reference writes the character of &lt; &gt; &amp; &quot; or a number; anything else stands as it is.
func (p *htmlParser) reference() {
	text, n := decodeReference(p.src[p.pos:])
	p.write(text)
	p.pos += n
}

func decodeReference(s string) (string, int) {
	end := 1
	for end < len(s) && end < 12 && (isWord(s[end]) || s[end] == '#') {
		end++
	}
	char := named(s[1:end])
	if char == "" {
		return "&", 1
	}
	if end < len(s) && s[end] == ';' {
		end++
	}
	return char, end
}

func named(name string) string {
	switch name {
	case "lt":
		return "<"
	case "gt":
		return ">"
	case "amp":
		return "&"
	case "quot":
		return `"`
	}
	digits, isNumber := strings.CutPrefix(name, "#")
	base := 10
	if hex, isHex := strings.CutPrefix(digits, "x"); isHex {
		digits, base = hex, 16
	}
	code, err := strconv.ParseUint(digits, base, 32)
	if !isNumber || err != nil || code == 0 || code > utf8.MaxRune || !utf8.ValidRune(rune(code)) {
		return ""
	}
	return string(rune(code))
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func (p *htmlParser) word() string {
	start := p.pos
	for p.pos < len(p.src) && (isWord(p.src[p.pos]) || p.src[p.pos] == '-') {
		p.pos++
	}
	return strings.ToLower(p.src[start:p.pos])
}

func (p *htmlParser) spaces() {
	for p.pos < len(p.src) && strings.IndexByte(" \t\r\n", p.src[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *htmlParser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *htmlParser) tag() error {
	begin := p.pos
	p.pos++
	if p.peek() == '/' {
		p.pos++
		return p.endTag(begin)
	}
	name := p.word()
	kind, known := htmlKinds[name]
	if !known {
		return badRequest("can't parse entities: Unsupported start tag \"%s\" at byte offset %d", name, begin)
	}
	attributes, err := p.attributes(name, begin)
	if err != nil {
		return err
	}
	return p.startTag(name, kind, attributes, begin)
}

func (p *htmlParser) endTag(begin int) error {
	name := p.word()
	p.spaces()
	if p.peek() != '>' {
		return badRequest("can't parse entities: Unclosed end tag at byte offset %d", begin)
	}
	p.pos++
	if len(p.open) == 0 {
		return badRequest("can't parse entities: Unexpected end tag at byte offset %d", begin)
	}
	if expected := p.top().name; name != "" && name != expected {
		return badRequest("can't parse entities: Unmatched end tag at byte offset %d, expected \"</%s>\", found \"</%s>\"", begin, expected, name)
	}
	p.pop()
	return nil
}

// startTag opens formatting. <pre><code class="language-x"> is how a block names its language: the code
// then is no entity of its own.
func (p *htmlParser) startTag(name, kind string, attributes map[string]string, begin int) error {
	arg := ""
	switch kind {
	case "text_link":
		arg = attributes["href"]
	case "blockquote":
		if _, expandable := attributes["expandable"]; expandable {
			kind = "expandable_blockquote"
		}
	case "custom_emoji":
		arg = attributes["emoji-id"]
		if _, err := strconv.ParseInt(arg, 10, 64); err != nil {
			return badRequest("can't parse entities: Invalid custom emoji identifier specified")
		}
	case "code":
		language, has := strings.CutPrefix(attributes["class"], "language-")
		if outer := p.top(); has && outer.kind == "pre" && outer.offset == p.units {
			outer.arg, kind = language, ""
		}
	}
	p.push(name, kind, arg, begin)
	return nil
}

func (p *htmlParser) pop() {
	if p.top().kind == "" {
		p.open = p.open[:len(p.open)-1]
		return
	}
	p.builder.pop()
}

func (p *htmlParser) attributes(tag string, begin int) (map[string]string, error) {
	attributes := map[string]string{}
	for {
		p.spaces()
		switch {
		case p.pos >= len(p.src):
			return nil, badRequest("can't parse entities: Unclosed start tag at byte offset %d", begin)
		case p.peek() == '>':
			p.pos++
			return attributes, nil
		}
		name := p.word()
		if name == "" {
			return nil, badRequest("can't parse entities: Empty attribute name in the tag \"%s\" at byte offset %d", tag, begin)
		}
		p.spaces()
		value := ""
		if p.peek() == '=' {
			p.pos++
			p.spaces()
			var ok bool
			if value, ok = p.value(); !ok {
				return nil, badRequest("can't parse entities: Unclosed start tag at byte offset %d", begin)
			}
		}
		attributes[name] = value
	}
}

func (p *htmlParser) value() (string, bool) {
	quote := p.peek()
	if quote != '"' && quote != '\'' {
		return p.word(), true
	}
	p.pos++
	var value strings.Builder
	for p.pos < len(p.src) && p.src[p.pos] != quote {
		if p.src[p.pos] == '&' {
			text, n := decodeReference(p.src[p.pos:])
			value.WriteString(text)
			p.pos += n
			continue
		}
		value.WriteByte(p.src[p.pos])
		p.pos++
	}
	if p.pos >= len(p.src) {
		return "", false
	}
	p.pos++
	return value.String(), true
}

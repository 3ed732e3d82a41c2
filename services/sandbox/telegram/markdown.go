// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// markdownKinds are the tokens of https://core.telegram.org/bots/api#markdownv2-style that open and close.
var markdownKinds = map[string]string{
	"*": "bold", "_": "italic", "__": "underline", "~": "strikethrough", "||": "spoiler",
	"`": "code", "```": "pre", "[": "text_link", "![": "custom_emoji", ">": "blockquote",
}

// reserved must be escaped wherever they are no formatting.
const reserved = "_*[]()~`>#+-=|{}.!"

type markdownParser struct {
	builder
	src    string
	pos    int
	quoted bool // inside a quotation
}

// parseMarkdown reads MarkdownV2 parse_mode.
func parseMarkdown(src string) (formatted, error) {
	p := &markdownParser{src: src}
	for p.pos < len(src) {
		if err := p.step(); err != nil {
			return formatted{}, err
		}
	}
	if strings.HasSuffix(p.top().kind, "blockquote") {
		p.pop()
	}
	if err := p.unclosed(); err != nil {
		return formatted{}, err
	}
	return p.done(), nil
}

func (p *markdownParser) unclosed() error {
	if len(p.open) == 0 {
		return nil
	}
	top := p.top()
	return badRequest("can't parse entities: Can't find end of the entity starting at byte offset %d", top.source)
}

func (p *markdownParser) step() error {
	rest := p.src[p.pos:]
	switch {
	case rest[0] == '\\' && len(rest) > 1 && rest[1] > 0 && rest[1] < 127:
		p.write(rest[1:2])
		p.pos += 2
		return nil
	case p.inCode():
		return p.code(rest)
	case rest[0] == '\n':
		return p.newline(rest)
	case p.lineStart() && (rest[0] == '>' || strings.HasPrefix(rest, "**>")):
		p.quote(rest)
		return nil
	case strings.IndexByte(reserved, rest[0]) < 0:
		p.char(rest)
		return nil
	}
	return p.token(rest)
}

func (p *markdownParser) char(rest string) {
	_, size := utf8.DecodeRuneInString(rest)
	p.write(rest[:size])
	p.pos += size
}

func (p *markdownParser) inCode() bool {
	name := p.top().name
	return name == "`" || name == "```"
}

// code reads inside code and pre, where only their own end counts.
func (p *markdownParser) code(rest string) error {
	if name := p.top().name; strings.HasPrefix(rest, name) {
		p.pop()
		p.pos += len(name)
		return nil
	}
	if rest[0] == '`' {
		return p.mustEscape('`')
	}
	p.char(rest)
	return nil
}

func (p *markdownParser) mustEscape(c byte) error {
	return badRequest("can't parse entities: Character '%c' is reserved and must be escaped with the preceding '\\'", c)
}

func (p *markdownParser) lineStart() bool { return p.pos == 0 || p.src[p.pos-1] == '\n' }

func (p *markdownParser) quote(rest string) {
	p.push(">", "blockquote", "", p.pos)
	p.quoted = true
	p.pos += strings.IndexByte(rest, '>') + 1
}

// newline ends a quotation unless the next line goes on with it.
func (p *markdownParser) newline(rest string) error {
	if p.quoted && strings.HasPrefix(rest, "\n>") {
		p.write("\n")
		p.pos += 2
		return nil
	}
	if p.quoted {
		if p.top().name != ">" {
			return p.unclosed()
		}
		p.pop()
		p.quoted = false
	}
	p.write("\n")
	p.pos++
	return nil
}

func (p *markdownParser) token(rest string) error {
	token := tokenOf(rest)
	switch {
	case token == "||" && p.top().name == ">" && (len(rest) == 2 || rest[2] == '\n'):
		p.top().kind = "expandable_blockquote"
		p.pos += 2
	case token == "]" && (p.top().name == "[" || p.top().name == "!["):
		return p.endLink()
	case token == p.top().name && token != "[" && token != "![" && token != ">":
		p.pop()
		p.pos += len(token)
	case token == "```":
		p.openPre()
	case token == ">" || markdownKinds[token] == "":
		return p.mustEscape(rest[0])
	default:
		p.push(token, markdownKinds[token], "", p.pos)
		p.pos += len(token)
	}
	return nil
}

// tokenOf takes the longest token, so that "__" is underline and not italic twice.
func tokenOf(rest string) string {
	for _, long := range []string{"```", "__", "||", "!["} {
		if strings.HasPrefix(rest, long) {
			return long
		}
	}
	return rest[:1]
}

// openPre takes the language that may follow the fence on its line.
func (p *markdownParser) openPre() {
	source := p.pos
	p.pos += len("```")
	language := ""
	if line, _, ok := strings.Cut(p.src[p.pos:], "\n"); ok && !strings.ContainsAny(line, " \t`\\") {
		language = line
		p.pos += len(line) + 1
	}
	p.push("```", "pre", language, source)
}

func (p *markdownParser) endLink() error {
	begin := p.pos
	p.pos++
	target := ""
	if strings.HasPrefix(p.src[p.pos:], "(") {
		var ok bool
		if target, ok = p.target(); !ok {
			return badRequest("can't parse entities: Can't find end of a URL at byte offset %d", begin)
		}
	}
	if p.top().kind == "custom_emoji" {
		u, err := url.Parse(target)
		if err != nil || u.Scheme != "tg" || u.Host != "emoji" || u.Query().Get("id") == "" {
			return badRequest("can't parse entities: Custom emoji entity must contain a tg://emoji URL")
		}
		target = u.Query().Get("id")
	}
	p.top().arg = target
	p.pop()
	return nil
}

// target reads (address) with its escapes.
func (p *markdownParser) target() (string, bool) {
	var out strings.Builder
	for p.pos++; p.pos < len(p.src); p.pos++ {
		c := p.src[p.pos]
		if c == ')' {
			p.pos++
			return out.String(), true
		}
		if c == '\\' && p.pos+1 < len(p.src) && p.src[p.pos+1] > 0 && p.src[p.pos+1] < 127 {
			p.pos++
			c = p.src[p.pos]
		}
		out.WriteByte(c)
	}
	return "", false
}

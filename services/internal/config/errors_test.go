// SPDX-License-Identifier: AGPL-3.0-or-later

package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// base is valid; each case below replaces a line of it or appends to it.
const base = `organisation:
  name: Ente di prova
  timezone: Europe/Rome
  language: it
centres:
  - id: ancona
    name: CpI Ancona
    province: AN
channels:
  - id: tg
    network: telegram
    target: "@prova"
    token_env: PROVA_TOKEN
publishing:
  grace: 30m
  call_deadline: 10s
`

// wrong: replace the base's line that starts so (or append when it is empty)
// and expect exactly these places and, in the first, this text.
var wrong = map[string]struct {
	replace, with string
	places        string
	text          string
}{
	"name empty":            {"  name: Ente", `  name: "  "`, "2:9 organisation.name", "vuoto"},
	"name null":             {"  name: Ente", `  name:`, "2:8 organisation.name", "non ha valore"},
	"name number":           {"  name: Ente", `  name: 12`, "2:9 organisation.name", "serve un testo, qui c'è un numero intero"},
	"name too long":         {"  name: Ente", `  name: ` + strings.Repeat("è", 201), "2:9 organisation.name", "200 caratteri"},
	"name with control":     {"  name: Ente", `  name: "a\u0007b"`, "2:9 organisation.name", "controllo"},
	"name missing":          {"  name: Ente", ``, "2:3 organisation.name", "manca"},
	"zone unknown":          {"  timezone:", `  timezone: Europe/Roma`, "3:13 organisation.timezone", "«Europe/Roma»"},
	"zone local":            {"  timezone:", `  timezone: Local`, "3:13 organisation.timezone", "IANA"},
	"zone climbs":           {"  timezone:", `  timezone: ../../etc/passwd`, "3:13 organisation.timezone", "IANA"},
	"language":              {"  language:", `  language: italiano`, "4:13 organisation.language", "it o de-AT"},
	"language boolean":      {"  language:", `  language: true`, "4:13 organisation.language", "qui c'è true o false"},
	"unknown key":           {"  language:", `  colour: blue`, "4:3 organisation.colour", "chiave sconosciuta; qui si usano: name, timezone, language"},
	"misspelt key":          {"  language:", `  languge: it`, "4:3 organisation.languge", "forse «language»?"},
	"key twice":             {"  language:", `  name: Altro`, "4:3 organisation.name", "riga 2"},
	"key is a list":         {"  language:", `  [a, b]: it`, "4:3 organisation", "una chiave deve essere una parola"},
	"merge key":             {"  language:", `  <<: {a: b}`, `4:3 organisation.«<<»`, "chiave sconosciuta"},
	"special tag":           {"  language:", `  language: !secret it`, "4:13 organisation.language", "un tipo particolare"},
	"top key unknown":       {"", `canali: []`, "17:1 canali", "chiave sconosciuta"},
	"top key twice":         {"", `centres: []`, "17:1 centres", "riga 5"},
	"section is a text":     {"", `media: tanti`, "17:8 media", "gruppo di chiavi"},
	"section is a list":     {"", `media: [a]`, "17:8 media", "gruppo di chiavi"},
	"id with capitals":      {"  - id: ancona", `  - id: Ancona`, "6:9 centres[0].id", "«Ancona»: solo lettere minuscole"},
	"id too long":           {"  - id: ancona", `  - id: ` + strings.Repeat("a", 41), "6:9 centres[0].id", "da 1 a 40"},
	"id with a dot":         {"  - id: ancona", `  - id: a.b`, "6:9 centres[0].id", "trattini"},
	"id empty":              {"  - id: ancona", `  - id: ""`, "6:9 centres[0].id", "da 1 a 40"},
	"province":              {"    province:", `    province: Ancona`, "8:15 centres[0].province", "due lettere maiuscole"},
	"province missing":      {"    province:", ``, "6:5 centres[0].province", "manca"},
	"centre twice":          {"    province:", "    province: AN\n  - {id: ancona, name: B, province: AN}", "9:10 centres[1].id", "già usato alla riga 6"},
	"centre empty":          {"    province:", "    province: AN\n  -", "9:4 centres[1]", "elemento vuoto"},
	"centre a word":         {"    province:", "    province: AN\n  - jesi", "9:5 centres[1]", "gruppo di chiavi"},
	"network unknown":       {"    network:", `    network: telegran`, "11:14 channels[0].network", "«telegran»; si può scegliere fra: bluesky"},
	"target empty":          {"    target:", `    target: ""`, "12:13 channels[0].target", "senza spazi"},
	"target with space":     {"    target:", `    target: "@a b"`, "12:13 channels[0].target", "senza spazi"},
	"target no telegram":    {"    target:", `    target: lavoromarche`, "12:13 channels[0].target", "@nomecanale"},
	"target a list":         {"    target:", `    target: ["@prova"]`, "12:13 channels[0].target", "valore semplice"},
	"no token":              {"    token_env:", ``, "10:5 channels[0]", "manca il token"},
	"two tokens":            {"    token_env:", "    token_env: A\n    token_file: a", "13:16 channels[0].token_env", "tenere uno solo"},
	"token itself":          {"    token_env:", `    token_env: 123:abc`, "13:16 channels[0].token_env", "non il token"},
	"token file empty":      {"    token_env:", `    token_file: ""`, "13:17 channels[0].token_file", "percorso"},
	"base without host":     {"    target:", "    target: \"@prova\"\n    api_base: https://", "13:15 channels[0].api_base", "nome di macchina"},
	"base only port":        {"    target:", "    target: \"@prova\"\n    api_base: http://:80", "13:15 channels[0].api_base", "nome di macchina"},
	"base bad port":         {"    target:", "    target: \"@prova\"\n    api_base: http://a:70000", "13:15 channels[0].api_base", "nome di macchina"},
	"base no scheme":        {"    target:", "    target: \"@prova\"\n    api_base: api.example.org", "13:15 channels[0].api_base", "http://"},
	"base javascript":       {"    target:", "    target: \"@prova\"\n    api_base: javascript:alert(1)", "13:15 channels[0].api_base", "http://"},
	"base with space":       {"    target:", "    target: \"@prova\"\n    api_base: http://a b", "13:15 channels[0].api_base", "http://"},
	"base with user":        {"    target:", "    target: \"@prova\"\n    api_base: https://u:p@a.example", "13:15 channels[0].api_base", "utente"},
	"base with query":       {"    target:", "    target: \"@prova\"\n    api_base: https://a.example?x=1", "13:15 channels[0].api_base", "«?»"},
	"spacing no unit":       {"    target:", "    target: \"@prova\"\n    spacing: 30", "13:14 channels[0].spacing", "scrivere 30s o 30m"},
	"spacing negative":      {"    target:", "    target: \"@prova\"\n    spacing: -1m", "13:14 channels[0].spacing", "fra 0s e 168h"},
	"spacing in days":       {"    target:", "    target: \"@prova\"\n    spacing: 1d", "13:14 channels[0].spacing", "90s, 30m"},
	"spacing float":         {"    target:", "    target: \"@prova\"\n    spacing: 1.5", "13:14 channels[0].spacing", "qui c'è un numero con decimali"},
	"limit negative":        {"    target:", "    target: \"@prova\"\n    limits: {per_second: -1}", "13:26 channels[0].limits.per_second", "da 0 a"},
	"limit hexadecimal":     {"    target:", "    target: \"@prova\"\n    limits: {burst: 0x10}", "13:21 channels[0].limits.burst", "numero intero"},
	"limit huge":            {"    target:", "    target: \"@prova\"\n    limits: {burst: 99999999999999999999}", "13:21 channels[0].limits.burst", "numero"},
	"limit text":            {"    target:", "    target: \"@prova\"\n    limits: {burst: \"4\"}", "13:21 channels[0].limits.burst", "qui c'è un testo"},
	"served unknown":        {"    target:", "    target: \"@prova\"\n    centres: [ancona, fano]", "13:23 channels[0].centres[1]", "centro sconosciuto «fano»"},
	"served twice":          {"    target:", "    target: \"@prova\"\n    centres: [ancona, ancona]", "13:23 channels[0].centres[1]", "ripetuto"},
	"served no list":        {"    target:", "    target: \"@prova\"\n    centres: ancona", "13:14 channels[0].centres", "elenco"},
	"option not bool":       {"    target:", "    target: \"@prova\"\n    options: {link_preview: sì}", "13:29 channels[0].options.link_preview", "serve true o false"},
	"option forced bool":    {"    target:", "    target: \"@prova\"\n    options: {link_preview: !!bool forse}", "13:29 channels[0].options.link_preview", "serve true o false"},
	"night 24:00":           {"    target:", "    target: \"@prova\"\n    options: {silent_from: \"24:00\"}", "13:28 channels[0].options.silent_from", "«24:00»"},
	"night 7:00":            {"    target:", "    target: \"@prova\"\n    options: {silent_to: 7:00}", "13:26 channels[0].options.silent_to", "HH:MM"},
	"no workers":            {"    target:", "    target: \"@prova\"\n    options: {workers: 0}", "13:24 channels[0].options.workers", "da 1 a 64"},
	"channel twice":         {"    token_env:", "    token_env: A\n  - {id: tg, network: x, target: a, token_env: B}", "14:10 channels[1].id", "già usato alla riga 10"},
	"channel empty group":   {"    token_env:", "    token_env: A\n  - {}", "14:5 channels[1].id,14:5 channels[1].network,14:5 channels[1].target,14:5 channels[1]", "manca"},
	"grace zero":            {"  grace:", `  grace: 0s`, "15:10 publishing.grace", "fra 1s e 168h"},
	"grace of unknown kind": {"  grace:", `  grace_by_kind: {avvisi: 1h}`, "15:19 publishing.grace_by_kind.avvisi", "forse «avviso»?"},
	"lease short":           {"  grace:", `  lease: 15s`, "15:10 publishing.lease", "almeno il doppio di call_deadline (10s)"},
	"deadline long":         {"  call_deadline:", `  call_deadline: 20s`, "16:18 publishing.call_deadline", "lease (30s)"},
	"retry factor":          {"  grace:", `  retry: {factor: 0.5}`, "15:19 publishing.retry.factor", "da 1 a 10"},
	"retry factor NaN":      {"  grace:", `  retry: {factor: .nan}`, "15:19 publishing.retry.factor", "da 1 a 10"},
	"retry jitter":          {"  grace:", `  retry: {jitter: -0.1}`, "15:19 publishing.retry.jitter", "da 0 a 1"},
	"retry max":             {"  grace:", `  retry: {first: 5m, max: 1m}`, "15:27 publishing.retry.max", "più breve di first (5m)"},
	"size unit":             {"", `log: {free_space_floor: 512MB}`, "17:25 log.free_space_floor", "512MiB"},
	"size negative":         {"", `log: {free_space_floor: -1}`, "17:25 log.free_space_floor", "byte"},
	"size overflow":         {"", `log: {free_space_floor: 999999999999GiB}`, "17:25 log.free_space_floor", "byte"},
	"pixels":                {"", `media: {image_pixels: 1}`, "17:23 media.image_pixels", "numero intero"},
	"review twice":          {"", "review: {self_approval: true, allowed_self_approval_centres: [ancona]}", "17:62 review.allowed_self_approval_centres", "tenere l'uno o l'altro"},
	"review unknown":        {"", "review: {allowed_self_approval_centres: [fano]}", "17:42 review.allowed_self_approval_centres[0]", "«fano»"},
	"alert chat missing":    {"", "alerts: {telegram: {token_env: A}}", "17:20 alerts.telegram.chat", "manca"},
	"alert chat":            {"", "alerts: {telegram: {chat: sala, token_env: A}}", "17:27 alerts.telegram.chat", "numero della chat"},
	"alert no token":        {"", "alerts: {telegram: {chat: \"-1\"}}", "17:20 alerts.telegram", "manca il token"},
	"alert token itself":    {"", "alerts: {telegram: {chat: \"-1\", token_env: 123:abc}}", "17:44 alerts.telegram.token_env", "non il segreto"},
	"alert two tokens":      {"", "alerts: {telegram: {chat: \"-1\", token_env: A, token_file: a}}", "17:44 alerts.telegram.token_env", "tenere uno solo"},
	"alert quiet":           {"", "alerts: {quiet: 10}", "17:17 alerts.quiet", "l'unità"},
	"alert hour":            {"", "alerts: {nothing_due_at: 9}", "17:26 alerts.nothing_due_at", "HH:MM"},
	"alert date":            {"", "alerts: {closed: [2026-12-24, 24.12.2026]}", "17:31 alerts.closed[1]", "2026-12-24"},
	"mail empty":            {"", "alerts: {mail: }", "17:16 alerts.mail.host,17:16 alerts.mail.from,17:16 alerts.mail.to", "manca"},
	"mail host":             {"", "alerts: {mail: {host: \"smtp.example.org:25\", from: a@b.it, to: [a@b.it]}}", "17:23 alerts.mail.host", "porta"},
	"mail port":             {"", "alerts: {mail: {host: h, port: 0, from: a@b.it, to: [a@b.it]}}", "17:32 alerts.mail.port", "da 1 a 65535"},
	"mail tls":              {"", "alerts: {mail: {host: h, tls: ssl, from: a@b.it, to: [a@b.it]}}", "17:31 alerts.mail.tls", "starttls, tls, none"},
	"mail in the clear":     {"", "alerts: {mail: {host: h, tls: none, user: u, password_env: P, from: a@b.it, to: [a@b.it]}}", "17:31 alerts.mail.tls", "serve tls"},
	"mail no password":      {"", "alerts: {mail: {host: h, user: u, from: a@b.it, to: [a@b.it]}}", "17:32 alerts.mail.user", "manca la password"},
	"mail no user":          {"", "alerts: {mail: {host: h, password_file: p, from: a@b.it, to: [a@b.it]}}", "17:41 alerts.mail.password_file", "senza utente"},
	"mail from":             {"", "alerts: {mail: {host: h, from: Redazione <a@b.it>, to: [a@b.it]}}", "17:32 alerts.mail.from", "indirizzo di posta"},
	"mail to":               {"", "alerts: {mail: {host: h, from: a@b.it, to: [a@b.it, b]}}", "17:53 alerts.mail.to[1]", "indirizzo di posta"},
	"mail to nobody":        {"", "alerts: {mail: {host: h, from: a@b.it, to: []}}", "17:44 alerts.mail.to", "almeno un indirizzo"},
	"slot channel":          {"", "slots: [{channel: fb, weekday: sabato, time: \"09:00\"}]", "17:19 slots[0].channel", "canale sconosciuto «fb»"},
	"slot weekday":          {"", "slots: [{channel: tg, weekday: lun, time: \"09:00\"}]", "17:32 slots[0].weekday", "giorno sconosciuto «lun»"},
	"slot time":             {"", "slots: [{channel: tg, weekday: sabato, time: 9}]", "17:46 slots[0].time", "«9»: scrivere HH:MM"},
	"slot twice":            {"", "slots:\n  - {channel: tg, weekday: sabato, time: \"09:00\"}\n  - {channel: tg, weekday: saturday, time: \"09:00\"}", "19:44 slots[1].time", "riga 18"},
	"anchor":                {"  name: Ente", `  name: &n Ente`, "2:9", "virgolette"},
	"alias":                 {"    name: CpI", "    name: &n CpI\n    tags: *n", "7:11,8:5 centres[0].tags,8:11", "virgolette"},
	"alias of nothing":      {"    name: CpI", "    name: *n", "7:11", "virgolette"},
	"two documents":         {"", "---\na: b", "17:1", "più di un documento"},
	"broken second":         {"", "---\na: b\n c: d", "19:1", "YAML non leggibile"},
	"tab":                   {"  name: Ente", "\tname: Ente", "2:1", "YAML non leggibile"},
	"bare at sign":          {"    target:", "    target: @prova", "12:1", "virgolette"},
	"indent lost":           {"    target:", "   target: a", "12:1", "rientri"},
	"list not closed":       {"    target:", "    target: [a", "12:1", "rientri"},
	"stray bracket":         {"    target:", "    target: ]", "12:1", "rientri"},
	"text after quotes":     {"    target:", "    target: \"a\" b", "12:1", "rientri"},
	"two colons":            {"    target:", "    target: a: b", "12:1", "due punti"},
	"open quote":            {"    target:", "    target: \"@prova", "12:1", "YAML non leggibile"},
}

func TestWrongFiles(t *testing.T) {
	parse(t, base)
	for name, tc := range wrong {
		t.Run(name, func(t *testing.T) {
			text := base + tc.with + "\n"
			if tc.replace != "" {
				text = strings.Replace(replaceLine(base, tc.replace, tc.with), "\n\n", "\n", 1)
				require.NotEqual(t, base, text)
			}
			_, err := config.Parse([]byte(text), "deploy/prova.yaml")
			var errs config.Errors
			require.ErrorAs(t, err, &errs)
			var places []string
			for _, e := range errs {
				places = append(places, strings.TrimSpace(strings.Join([]string{place(e), e.Path}, " ")))
				require.Equal(t, "prova.yaml", e.File)
				require.NotEmpty(t, e.TextEN)
				require.NotContains(t, e.Error(), "%!")
			}
			require.Equal(t, strings.TrimSpace(tc.places), strings.Join(places, ","), err)
			require.Contains(t, errs[0].Text, tc.text)
		})
	}
}

func place(e config.Error) string {
	fields := strings.SplitN(e.Error(), ":", 4)
	return fields[1] + ":" + fields[2]
}

func TestWholeFileRefused(t *testing.T) {
	for name, tc := range map[string]struct{ text, first string }{
		"nothing":       {"", "prova.yaml:1:1: il file è vuoto"},
		"only comments": {"# niente\n", "prova.yaml:1:1: il file è vuoto"},
		"null":          {"null\n", "prova.yaml:1:1: organisation.name: manca"},
		"a list":        {"- a\n", "prova.yaml:1:1: qui serve un gruppo di chiavi"},
		"a word":        {"\nciao\n", "prova.yaml:2:1: qui serve un gruppo di chiavi"},
		"empty group":   {"{}\n", "prova.yaml:1:1: organisation.name: manca"},
		"not UTF-8":     {"a: \xff\xfe\n", "prova.yaml:1:4: il file non è UTF-8"},
		"control":       {"a: b\nc: è\x01\n", "prova.yaml:2:5: qui c'è un carattere di controllo"},
		"too large":     {strings.Repeat("#", 1<<20) + "\n", "prova.yaml:1:1: il file supera 1 MiB"},
		"too deep":      {"a: " + strings.Repeat("[", 50) + strings.Repeat("]", 50), "prova.yaml:1:1: organisation.name: manca"},
		"much too deep": {strings.Repeat("[", 20_000), "prova.yaml:1:1: YAML non leggibile"},
	} {
		_, err := config.Parse([]byte(tc.text), "prova.yaml")
		require.Error(t, err, name)
		require.True(t, strings.HasPrefix(err.Error(), tc.first), "%s: %v", name, err)
	}
}

func TestDepthIsBounded(t *testing.T) {
	_, err := config.Parse([]byte(base+"media: "+strings.Repeat("[", 50)+strings.Repeat("]", 50)), "prova.yaml")
	require.ErrorContains(t, err, "prova.yaml:17:17: troppi livelli annidati")
}

// TestAliasBomb: nine levels of nine would be 387 million strings if expanded.
func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x]\n")
	for i := 1; i < 10; i++ {
		prev := "*a" + string(rune('0'+i-1))
		b.WriteString("a" + string(rune('0'+i)) + ": &a" + string(rune('0'+i)) + " [" + strings.Repeat(prev+",", 8) + prev + "]\n")
	}
	_, err := config.Parse([]byte(b.String()), "bomba.yaml")
	require.ErrorContains(t, err, "bomba.yaml:1:5: àncore e alias YAML")
}

// TestFloodOfErrors: a file that is wrong on purpose gets a bounded answer.
func TestFloodOfErrors(t *testing.T) {
	const size = 1 << 17
	for name, text := range map[string]string{
		"keys":  strings.Repeat("k: v\n", size/5),
		"items": "slots:\n" + strings.Repeat("- a\n", size/4),
	} {
		_, err := config.Parse([]byte(text), "grande.yaml")
		var errs config.Errors
		require.ErrorAs(t, err, &errs, name)
		require.Len(t, errs, 1001, name)
		require.Regexp(t, `^e altri \d{5} errori`, errs[1000].Text, name)
	}
}

// TestHostileShapes: a mebibyte of what parsers dislike is refused, not suffered.
func TestHostileShapes(t *testing.T) {
	const size = 1 << 20
	for name, text := range map[string]string{
		"comments": strings.Repeat("#\n", size/2),
		"dashes":   strings.Repeat("- ", size/2),
		"colons":   strings.Repeat("a: ", size/3),
		"brackets": strings.Repeat("[", size),
		"queries":  strings.Repeat("? ", size/2),
		"quotes":   strings.Repeat("'", size-1),
		"anchors":  strings.Repeat("&a ", size/3),
	} {
		_, err := config.Parse([]byte(text), "grande.yaml")
		var errs config.Errors
		require.ErrorAs(t, err, &errs, name)
	}
}

// TestAllErrorsAtOnce is what a person sees who got everything wrong.
func TestAllErrorsAtOnce(t *testing.T) {
	_, err := config.Load(filepath.Join("testdata", "errors.yaml"))
	require.Error(t, err)
	var one config.Error
	require.ErrorAs(t, err, &one)
	golden := filepath.Join("testdata", "errors.golden")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(err.Error()+"\n"), 0o600))
	}
	want, readErr := os.ReadFile(golden)
	require.NoError(t, readErr)
	require.Equal(t, string(want), err.Error()+"\n")
}

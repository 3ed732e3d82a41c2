// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/sandbox"
	"github.com/palinsesto/palinsesto/services/sandbox/telegram"
)

const (
	botToken = "8000000001:AAabcdefghijklmnopqrstuvwxyz0123456"
	chatID   = "-1009000000001"
)

func TestTelegram(t *testing.T) {
	box, err := sandbox.New(sandbox.Options{})
	require.NoError(t, err)
	_, err = telegram.New(box, telegram.Options{
		Bots:  []telegram.Bot{{Token: botToken, Username: "avvisi_bot", Name: "Avvisi"}},
		Chats: []telegram.Chat{{ID: -1009000000001, Title: "operatori", Admins: map[int64]telegram.Rights{8000000001: {Post: true}}}}})
	require.NoError(t, err)
	srv := httptest.NewServer(box)
	defer srv.Close()
	t.Setenv("PROVA_AVVISI", botToken)
	conf := config.AlertTelegram{Chat: chatID, APIBase: srv.URL + "/telegram", Token: config.SecretPlace{Env: "PROVA_AVVISI"}}
	long := strings.Repeat("perché 😀 ", 1000)
	require.NoError(t, newTelegram(conf).send(t.Context(), message{subject: "Palinsesto [AVVISO]", body: "<b>" + long}))
	require.Len(t, box.Wall(), 1)

	conf.Chat = "-1009999999999"
	require.ErrorContains(t, newTelegram(conf).send(t.Context(), message{subject: "x"}), "chat not found")
	conf.APIBase = "http://127.0.0.1:1"
	err = newTelegram(conf).send(t.Context(), message{subject: "x"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), botToken[11:], "the address holds the token")
	require.Error(t, newTelegram(config.AlertTelegram{Token: config.SecretPlace{Env: "NOT_SET_HERE"}}).send(t.Context(), message{}))
}

// A server that answers anything else than yes was not told.
func TestTelegramAnswersOtherwise(t *testing.T) {
	t.Setenv("PROVA_AVVISI", botToken)
	for name, answer := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"no JSON":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"not ok":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"ok":false}`)) },
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for range 1000 {
				_, _ = w.Write(bytes.Repeat([]byte(" "), 1<<10))
			}
		},
	} {
		srv := httptest.NewServer(answer)
		conf := config.AlertTelegram{Chat: chatID, APIBase: srv.URL, Token: config.SecretPlace{Env: "PROVA_AVVISI"}}
		require.Error(t, newTelegram(conf).send(t.Context(), message{subject: "x"}), name)
		srv.Close()
	}
}

func TestCut(t *testing.T) {
	require.Equal(t, "abc", cut("abc", 3))
	require.Equal(t, "ab…", cut("abcd", 3))
	require.Equal(t, "😀…", cut("😀😀😀", 4), "never through a surrogate pair")
}

// mailServer is a real SMTP server that keeps what it is given.
type mailServer struct {
	mu     sync.Mutex
	got    map[string]int // by recipient
	last   string
	refuse map[string]*smtp.SMTPError
	signed bool
}

func (m *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{m: m}, nil }

type session struct {
	m      *mailServer
	signed bool
	to     []string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "redazione" || password != "parola segreta" {
			return errors.New("wrong")
		}
		s.signed = true
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	if s.m.signed && !s.signed {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if e := s.m.refuse[to]; e != nil {
		return e
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.last = string(b)
	for _, to := range s.to {
		s.m.got[to]++
	}
	s.to = nil
	return err
}

func (s *session) Reset()        { s.to = nil }
func (s *session) Logout() error { return nil }

// startMail runs the server with a certificate of its own; the pool trusts it.
func startMail(t *testing.T, m *mailServer, tlsOnly bool) (port int, roots *x509.CertPool) {
	t.Helper()
	cert, roots := certificate(t)
	srv := smtp.NewServer(m)
	srv.Domain, srv.TLSConfig = "localhost", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port = l.Addr().(*net.TCPAddr).Port
	if tlsOnly {
		l = tls.NewListener(l, srv.TLSConfig)
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return port, roots
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func mailConf(port int, to ...string) config.AlertMail {
	return config.AlertMail{Host: "127.0.0.1", Port: port, TLS: "starttls", User: "redazione",
		Password: config.SecretPlace{Env: "PROVA_MAIL"}, From: "palinsesto@example.org", To: to}
}

func TestMail(t *testing.T) {
	t.Setenv("PROVA_MAIL", "parola segreta")
	for _, mode := range []string{"starttls", "tls"} {
		m := &mailServer{got: map[string]int{}, signed: true}
		port, roots := startMail(t, m, mode == "tls")
		c := mailConf(port, "a@example.org", "b@example.org")
		c.TLS = mode
		sender := newMailer(c, "Città di prova")
		sender.roots = roots
		require.NoError(t, sender.send(t.Context(), message{id: "019", subject: "Palinsesto [AVVISO] è così", body: "perché\r\n.\r\nfine"}), mode)
		require.Equal(t, map[string]int{"a@example.org": 1, "b@example.org": 1}, m.got, mode)
		require.Contains(t, m.last, "Auto-Submitted: auto-generated")
		require.Contains(t, m.last, "Message-ID: <019@example.org>")
		_, body, _ := strings.Cut(m.last, "\r\n\r\n")
		text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
		require.NoError(t, err)
		require.Contains(t, string(text), "perché")
		require.Contains(t, string(text), "fine")
	}
}

// One address that is refused keeps the alert from nobody else; a server that is full is asked again, and
// who has got it does not get it twice.
func TestMailOneByOne(t *testing.T) {
	t.Setenv("PROVA_MAIL", "parola segreta")
	m := &mailServer{got: map[string]int{}, refuse: map[string]*smtp.SMTPError{
		"b@example.org": {Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"},
		"c@example.org": {Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "mailbox full"},
	}}
	port, roots := startMail(t, m, false)
	sender := newMailer(mailConf(port, "a@example.org", "b@example.org", "c@example.org"), "Ente")
	sender.roots = roots
	msg := message{id: "1", subject: "s", body: "b"}
	require.ErrorContains(t, sender.send(t.Context(), msg), "mailbox full")
	m.mu.Lock()
	delete(m.refuse, "c@example.org")
	m.mu.Unlock()
	require.NoError(t, sender.send(t.Context(), msg))
	require.Equal(t, map[string]int{"a@example.org": 1, "c@example.org": 1}, m.got)
	nobody := newMailer(mailConf(port, "b@example.org"), "Ente")
	nobody.roots = roots
	require.ErrorContains(t, nobody.send(t.Context(), msg), "no such user", "nobody was told")
}

func TestMailIsNeverInTheClear(t *testing.T) {
	t.Setenv("PROVA_MAIL", "parola segreta")
	m := &mailServer{got: map[string]int{}}
	port, _ := startMail(t, m, false)
	stranger := newMailer(mailConf(port, "a@example.org"), "Ente") // does not trust the certificate
	require.Error(t, stranger.send(t.Context(), message{id: "1", subject: "s", body: "b"}))
	srv := smtp.NewServer(m) // offers no STARTTLS
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = srv.Serve(l) }()
	defer srv.Close()
	stripped := newMailer(mailConf(l.Addr().(*net.TCPAddr).Port, "a@example.org"), "Ente")
	require.Error(t, stripped.send(t.Context(), message{id: "1", subject: "s", body: "b"}))
	require.Empty(t, m.got)
}

func TestMailServerAway(t *testing.T) {
	t.Setenv("PROVA_MAIL", "parola segreta")
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
	require.NoError(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err = newMailer(mailConf(l.Addr().(*net.TCPAddr).Port, "a@example.org"), "Ente").send(ctx, message{id: "1"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "segreta")
}

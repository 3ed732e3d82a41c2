// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/palinsesto/palinsesto/services/internal/config"
)

// mailer sends e-mail. Each recipient gets a message of their own, so that one address that is refused
// keeps it from nobody else; who has got it does not get it again when the others are tried anew.
type mailer struct {
	conf  config.AlertMail
	name  string         // of the organisation, as the sender
	roots *x509.CertPool // nil: those of the system
	id    string         // of the message that is under way
	done  map[string]bool
}

func newMailer(c config.AlertMail, name string) *mailer { return &mailer{conf: c, name: name} }

func (m *mailer) send(ctx context.Context, msg message) error {
	if m.id != msg.id {
		m.id, m.done = msg.id, map[string]bool{}
	}
	client, err := m.client(ctx)
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return fmt.Errorf("mail: %s: %w", m.conf.Host, err)
	}
	defer client.Close()
	var failed []error
	refused := 0
	for _, to := range m.conf.To {
		if m.done[to] {
			continue
		}
		err := m.sendTo(client, to, msg)
		var se *mail.SendError
		switch {
		case err == nil:
			m.done[to] = true
		case errors.As(err, &se) && !se.IsTemp() && se.ErrorCode() >= 500:
			refused++
			failed = append(failed, err)
		default:
			return errors.Join(append(failed, err)...)
		}
	}
	if refused > 0 && len(m.done) == 0 {
		return errors.Join(failed...)
	}
	return nil // who is refused for good is told by nobody; the others know
}

func (m *mailer) client(ctx context.Context) (*mail.Client, error) {
	opts := []mail.Option{mail.WithPort(m.conf.Port)}
	if end, ok := ctx.Deadline(); ok { // the library's own would let a server that says nothing hold up all
		opts = append(opts, mail.WithTimeout(max(time.Millisecond, time.Until(end))))
	}
	switch m.conf.TLS {
	case "tls":
		opts = append(opts, mail.WithSSL())
	case "none":
		opts = append(opts, mail.WithTLSPolicy(mail.NoTLS))
	default:
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory)) // never on in the clear when STARTTLS is stripped
	}
	opts = append(opts, mail.WithTLSConfig(&tls.Config{ServerName: m.conf.Host, RootCAs: m.roots, MinVersion: tls.VersionTLS12}))
	if m.conf.User != "" {
		password, _, err := m.conf.Password.Read()
		if err != nil {
			return nil, fmt.Errorf("password della posta (mail password): %w", err)
		}
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.conf.User), mail.WithPassword(string(password)))
	}
	return mail.NewClient(m.conf.Host, opts...)
}

func (m *mailer) sendTo(c *mail.Client, to string, msg message) error {
	letter := mail.NewMsg()
	if err := letter.FromFormat("Palinsesto – "+m.name, m.conf.From); err != nil {
		return err
	}
	if err := letter.To(to); err != nil {
		return err
	}
	letter.Subject(msg.subject)
	// The same for every try, so that a mailbox may recognise what came twice after a lost answer.
	letter.SetMessageIDWithValue(msg.id + "@" + domain(m.conf.From))
	letter.SetDate()
	// RFC 3834, section 5: holiday notices must not answer a machine.
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	letter.SetBodyString(mail.TypeTextPlain, msg.body)
	return c.Send(letter)
}

func domain(address string) string {
	_, after, _ := strings.Cut(address, "@")
	return after
}

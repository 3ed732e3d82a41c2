// SPDX-License-Identifier: AGPL-3.0-or-later

package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/palinsesto/palinsesto/services/channel"
)

// Call names a call for those who read about its failure.
type Call struct {
	Network string // for people: Telegram
	Prefix  string // of the causes: telegram
	Act     Act
	Secrets []string // to be kept out of everything
}

// Failed is the verdict on a call that had no whole answer: NotSent when no byte of the request left,
// else Unknown.
func (c Call) Failed(a Answer, err error) *channel.Error {
	verdict, kind := channel.Unknown, sentKind(err)
	if !a.Sent {
		verdict, kind = channel.NotSent, unsentKind(err)
	}
	return &channel.Error{
		Verdict: verdict, Status: a.Status, Cause: c.Prefix + "." + kind,
		Text: c.Network + ": " + c.Act.Say(sentences[kind]),
		Raw:  Raw(err.Error(), c.Secrets...), Err: Quiet(err, c.Secrets...),
	}
}

func unsentKind(err error) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		return "late"
	case errors.As(err, &dns):
		return "dns"
	case errors.As(err, &cert), errors.As(err, &record), errors.As(err, &alert):
		return "tls"
	default:
		return "unreachable"
	}
}

func sentKind(err error) string {
	switch {
	case errors.Is(err, ErrTooLong):
		return "endless"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "timeout"
	default:
		return "cut"
	}
}

// retried ends every sentence about a request that did not leave.
const retried = " " + NotDone + " Il sistema riprova da solo. "

var sentences = map[string]string{
	"cancelled":   "la chiamata è stata fermata prima di partire." + retried + "Non serve fare nulla.",
	"late":        "il collegamento non è riuscito in tempo." + retried + "Se dura, controllare la rete del server.",
	"dns":         "il nome del server non si risolve." + retried + "Se dura, controllare la rete, il DNS e l'indirizzo (api_base).",
	"tls":         "il collegamento sicuro non è riuscito." + retried + "Se dura, controllare l'ora del server, il certificato e l'indirizzo (api_base).",
	"unreachable": "il server non è raggiungibile." + retried + "Se dura, controllare la rete, il firewall e l'indirizzo (api_base).",
	"timeout":     "nessuna risposta entro il tempo previsto. " + MaybeDone,
	"cut":         "il collegamento è caduto prima della fine della risposta. " + MaybeDone,
	"endless":     "la risposta è troppo lunga per essere vera. " + MaybeDone,
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	pb "github.com/palinsesto/palinsesto/services/pb/palinsesto/v1"
)

// maxProblems bounds what one refusal lists; a document with more wrong than that has one thing wrong.
const maxProblems = 500

// EncodeRefusal writes what a room answers instead of a reply. It always succeeds: the reason for a
// refusal must reach whoever asked, if need be shortened. What is wrapped around e does not cross.
func EncodeRefusal(e *palinsesto.Error) []byte {
	if e == nil {
		e = faultOfOurs()
	}
	kept := e.Problems[:min(len(e.Problems), maxProblems)]
	for {
		m := refusalToPB(e, kept)
		b, err := proto.Marshal(m)
		switch {
		case err != nil:
			return EncodeRefusal(nil)
		case len(b) <= MaxPayload:
			return b
		case len(kept) == 0: // the sentence alone is too long: nobody would read it
			return EncodeRefusal(nil)
		}
		kept = kept[:len(kept)/2]
	}
}

// DecodeRefusal reads what EncodeRefusal wrote. What cannot be read is a fault of ours, never nil.
func DecodeRefusal(b []byte) *palinsesto.Error {
	var m pb.Refusal
	if err := decode(b, &m); err != nil || m.GetCode() == "" {
		return faultOfOurs()
	}
	return &palinsesto.Error{
		Code: palinsesto.Code(m.GetCode()), Text: m.GetText(), TextEN: m.GetTextEn(),
		Problems: each(m.GetProblems(), problemFromPB),
	}
}

func refusalToPB(e *palinsesto.Error, kept []palinsesto.Problem) *pb.Refusal {
	m := &pb.Refusal{
		Code: prose(string(e.Code)), Text: prose(e.Text), TextEn: prose(e.TextEN),
		Problems: each(kept, func(p palinsesto.Problem) *pb.Problem {
			q := problemToPB(p)
			q.Code, q.Level = prose(q.Code), prose(q.Level)
			return q
		}),
	}
	if more := len(e.Problems) - len(kept); more > 0 {
		m.Problems = append(m.Problems, problemToPB(palinsesto.Problem{
			Code: "V-ALTRI", Level: palinsesto.LevelNote,
			Text:   fmt.Sprintf("Altri %d problemi non sono elencati: correggere questi e inviare di nuovo.", more),
			TextEN: fmt.Sprintf("%d more problems are not listed: mend these and send it again.", more),
		}))
	}
	return m
}

func faultOfOurs() *palinsesto.Error {
	return palinsesto.Refuse(palinsesto.CodeInternal,
		"Si è verificato un errore interno: riprovare; se si ripete, avvisare chi gestisce il servizio.",
		"An internal error occurred: try again; if it happens again, tell whoever runs the service.")
}

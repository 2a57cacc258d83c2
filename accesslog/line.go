package accesslog

import (
	"net/netip"
	"strconv"
)

const dateLayout = "02/Jan/2006:15:04:05 -0700"

// line formats e, with a line feed at the end.
func (l *Log) line(b []byte, e *Entry) []byte {
	if l.json {
		return l.jsonLine(b, e)
	}
	return l.combinedLine(b, e)
}

// combinedLine writes
//
//	host - user [time] "method uri proto" status size "referer" "agent" ms requested-host flow-id audit
func (l *Log) combinedLine(b []byte, e *Entry) []byte {
	b = appendClient(b, e, appendChain)
	b = append(b, " - "...)
	b = appendWord(b, e.User)
	b = append(b, " ["...)
	b = l.stamps.append(b, e.Received)
	b = append(b, `] "`...)
	b = appendWord(b, e.Method)
	b = append(b, ' ')
	b = l.appendURI(b, e, appendWord)
	b = append(b, ' ')
	b = appendProto(b, e)
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, e.Size, 10)
	b = append(b, ` "`...)
	b = l.appendReferer(b, e, appendQuoted)
	b = append(b, `" "`...)
	b = appendQuoted(b, e.UserAgent)
	b = append(b, `" `...)
	b = strconv.AppendInt(b, e.Duration.Milliseconds(), 10)
	b = append(b, ' ')
	b = appendWord(b, e.Host)
	b = append(b, ' ')
	b = appendWord(b, e.FlowID)
	b = append(b, ' ')
	b = appendWord(b, e.Audit)
	return append(b, '\n')
}

// jsonLine writes an object with the same fields.
func (l *Log) jsonLine(b []byte, e *Entry) []byte {
	b = append(b, `{"host":"`...)
	b = appendClient(b, e, appendJSON)
	b = append(b, `","timestamp":"`...)
	b = l.stamps.append(b, e.Received)
	b = append(b, `","method":"`...)
	b = appendJSON(b, e.Method)
	b = append(b, `","uri":"`...)
	b = l.appendURI(b, e, appendJSON)
	b = append(b, `","proto":"`...)
	b = appendProto(b, e)
	b = append(b, `","status":`...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = append(b, `,"response-size":`...)
	b = strconv.AppendInt(b, e.Size, 10)
	b = append(b, `,"referer":"`...)
	b = l.appendReferer(b, e, appendJSON)
	b = append(b, `","user-agent":"`...)
	b = appendJSON(b, e.UserAgent)
	b = append(b, `","duration":`...)
	b = strconv.AppendInt(b, e.Duration.Milliseconds(), 10)
	b = append(b, `,"requested-host":"`...)
	b = appendJSON(b, e.Host)
	b = append(b, `","flow-id":"`...)
	b = appendJSON(b, e.FlowID)
	b = append(b, `","audit":"`...)
	b = appendJSON(b, e.Audit)
	if e.User != "" {
		b = append(b, `","auth-user":"`...)
		b = appendJSON(b, e.User)
	}
	if code := e.Reason.Code(); code != "" {
		b = append(b, `","reason":"`...)
		b = append(b, code...)
	}
	return append(b, "\"}\n"...)
}

// appender writes one field in the way of a format.
type appender func(b []byte, field string) []byte

func appendClient(b []byte, e *Entry, field appender) []byte {
	if e.ForwardedFor != "" {
		return field(b, e.ForwardedFor)
	}
	if e.Remote == (netip.AddrPort{}) {
		return field(b, "")
	}
	return e.Remote.Addr().Unmap().WithZone("").AppendTo(b)
}

func appendProto(b []byte, e *Entry) []byte {
	if e.Major == 0 {
		return append(b, '-')
	}
	b = append(b, "HTTP/"...)
	b = strconv.AppendUint(b, uint64(e.Major), 10)
	b = append(b, '.')
	return strconv.AppendUint(b, uint64(e.Minor), 10)
}

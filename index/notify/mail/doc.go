// Package mail tells by e-mail: letters in plain text and HTML, over SMTP.
//
//	event ──▶ letter: one event, or those of an hour or a day
//	            │ Message-ID follows from what is in it: sent again it is the same
//	            ▼
//	          Server ──▶ taken                          delivered
//	            │ 4xx, no connection, wrong login       tried again; the server is left alone for a while
//	            │ 5xx to the address                    the address is suspended
//	            └ 5xx to the letter                     a dead letter
//
// What is written came from others: it is bounded, without control characters,
// and escaped in HTML. A header never takes more than a name or a known sentence.
//
// Formats: RFC 5322, RFC 3834 (Auto-Submitted), RFC 8058 (one-click unsubscribe).
package mail

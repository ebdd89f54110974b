// Package explain tells a judgement step by step: which namespace of the trust
// policy decides, what each piece of evidence was found to be, what the
// namespace asks for, and what would make a version pass. It judges nothing by
// itself: it puts into order what the judges found out.
//
//	rule         which namespace of the policy speaks for the publisher, and what it asks for
//	signature    each piece of evidence, then the vote
//	attestation  each attestation, and what lies among them and is none
//	requirement  the vote of each attestation that the namespace requires
package explain

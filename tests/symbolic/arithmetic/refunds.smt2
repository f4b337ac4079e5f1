; Refunds give a campaign its part back by cumulative difference: of R refunded out of P paid, of
; which C came from the campaign, floor(R*C/P) is the campaign's. Written with the quotients q and r
; of two refunds in a row and the remainders u and v: no refund gives the campaign more than it is,
; and none takes anything from it. (docs/protocol.md, section 9.)
(declare-const P Int) (declare-const C Int)
(declare-const before Int) (declare-const after Int)
(assert (and (> P 0) (>= C 0) (<= C P) (>= before 0) (<= before after) (<= after P)))
(declare-const q Int) (declare-const u Int) (declare-const r Int) (declare-const v Int)
(assert (and (= (* before C) (+ (* q P) u)) (>= u 0) (< u P)))
(assert (and (= (* after C) (+ (* r P) v)) (>= v 0) (< v P)))
(assert (not (and (<= q r) (<= (- r q) (- after before)) (<= r C))))
(check-sat)

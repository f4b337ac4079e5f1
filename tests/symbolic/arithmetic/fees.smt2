; A session's fee is charged by difference: at settlement, when a debt is collected, and back at a
; refund. Each time, first, second and third are a thousandth, rounded down, of what was paid until
; then. No step takes or gives back more than it moved, and what was charged in all is the fee of what
; was paid in all. (docs/protocol.md, section 4.)
(declare-const paid Int) (declare-const more Int) (declare-const back Int)
(assert (and (>= paid 0) (>= more 0) (>= back 0) (<= back (+ paid more))))
(define-fun first () Int (div paid 1000))
(define-fun second () Int (div (+ paid more) 1000))
(define-fun third () Int (div (- (+ paid more) back) 1000))
(define-fun kept () Int (- (+ first (- second first)) (- second third)))
(assert (not (and
  (<= 0 first paid)
  (<= 0 (- second first) more)
  (<= 0 (- second third) back)
  (= kept (div (- (+ paid more) back) 1000))
  (<= (* 1000 kept) (- (+ paid more) back)))))
(check-sat)

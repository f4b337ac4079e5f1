; The fee router's shares: three are rounded down and the last takes the rest, which is never
; negative, so what arrives is what leaves. (contracts/FeeRouter.vy, `route`.)
(declare-const amount Int)
(declare-const stakers Int) (declare-const drivers Int) (declare-const stations Int) (declare-const treasury Int)
(assert (and (>= amount 0) (>= stakers 0) (>= drivers 0) (>= stations 0) (>= treasury 0)))
(assert (= 10000 (+ stakers drivers stations treasury)))
; Linear: of a product only what the division by 10,000 says of it is used.
(declare-const a Int) (declare-const b Int) (declare-const c Int) (declare-const d Int)
(assert (= (+ a b c d) (* 10000 amount)))
(assert (and (>= a 0) (>= b 0) (>= c 0) (>= d 0)))
(define-fun rest () Int (- amount (div a 10000) (div b 10000) (div c 10000)))
(assert (not (and (>= rest 0) (>= rest (div d 10000)) (<= rest (+ (div d 10000) 3)))))
(check-sat)

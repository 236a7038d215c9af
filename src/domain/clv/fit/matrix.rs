//! The little linear algebra of a search over a handful of parameters: symmetric matrices of a few rows.

/// From this weight on a parameter takes part in an eigenvector.
const HEAVY: f64 = 0.3;
/// Jacobi converges quadratically; a dozen sweeps are plenty for any matrix here.
const MAX_SWEEPS: u32 = 50;

/// A dense square matrix.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SquareMatrix {
    size: usize,
    cells: Vec<f64>,
}

/// Eigenvalues and, in the columns of a matrix, eigenvectors.
struct Eigen {
    values: Vec<f64>,
    vectors: SquareMatrix,
}

impl SquareMatrix {
    pub(super) fn from_fn(size: usize, f: impl Fn(usize, usize) -> f64) -> Self {
        let cells = (0..size * size).map(|k| f(k / size, k % size)).collect();
        Self { size, cells }
    }

    pub(super) fn identity(size: usize) -> Self {
        Self::from_fn(size, |i, j| if i == j { 1.0 } else { 0.0 })
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }

    pub(super) fn get(&self, i: usize, j: usize) -> f64 {
        self.cells[i * self.size + j]
    }

    fn set(&mut self, i: usize, j: usize, value: f64) {
        self.cells[i * self.size + j] = value;
    }

    pub(super) fn map(&self, f: impl Fn(usize, usize, f64) -> f64) -> Self {
        Self::from_fn(self.size, |i, j| f(i, j, self.get(i, j)))
    }

    pub(super) fn to_rows(&self) -> Vec<Vec<f64>> {
        self.cells.chunks(self.size).map(<[f64]>::to_vec).collect()
    }

    pub(super) fn times(&self, vector: &[f64]) -> Vec<f64> {
        self.cells
            .chunks(self.size)
            .map(|row| dot(row, vector))
            .collect()
    }

    /// Lower triangular `L` with `L L' = self`; `None` unless positive definite (or where a cell is not finite).
    pub(super) fn cholesky(&self) -> Option<Self> {
        let mut lower = Self::from_fn(self.size, |_, _| 0.0);
        for i in 0..self.size {
            for j in 0..=i {
                let inner: f64 = (0..j).map(|k| lower.get(i, k) * lower.get(j, k)).sum();
                let rest = self.get(i, j) - inner;
                if i != j {
                    lower.set(i, j, rest / lower.get(j, j));
                } else if rest > 0.0 && rest.is_finite() {
                    lower.set(i, i, rest.sqrt());
                } else {
                    return None;
                }
            }
        }
        Some(lower)
    }

    /// The inverse; `None` unless positive definite.
    pub(super) fn inverse(&self) -> Option<Self> {
        let lower = self.cholesky()?;
        let unit = |j: usize| (0..self.size).map(move |i| if i == j { 1.0 } else { 0.0 });
        let columns: Vec<Vec<f64>> = (0..self.size)
            .map(|j| lower.solve_as_cholesky(unit(j).collect()))
            .collect();
        // Symmetric to the last bit.
        let cell = |i: usize, j: usize| f64::midpoint(columns[i][j], columns[j][i]);
        Some(Self::from_fn(self.size, cell))
    }

    /// Solves `L L' x = b` for this lower triangular `L`.
    fn solve_as_cholesky(&self, b: Vec<f64>) -> Vec<f64> {
        let mut x = b;
        for i in 0..self.size {
            let inner: f64 = (0..i).map(|k| self.get(i, k) * x[k]).sum();
            x[i] = (x[i] - inner) / self.get(i, i);
        }
        for i in (0..self.size).rev() {
            let inner: f64 = (i + 1..self.size).map(|k| self.get(k, i) * x[k]).sum();
            x[i] = (x[i] - inner) / self.get(i, i);
        }
        x
    }

    /// Largest over smallest eigenvalue of a symmetric matrix; infinite unless all are positive.
    pub(super) fn condition_number(&self) -> f64 {
        let values = self.eigen().values;
        let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = values.iter().copied().fold(0.0, f64::max);
        if smallest > 0.0 && values.iter().all(|value| value.is_finite()) {
            largest / smallest
        } else {
            f64::INFINITY
        }
    }

    /// Of a symmetric matrix with a name for each row: the names that take part in the eigenvector of the smallest
    /// eigenvalue.
    pub(super) fn flattest(&self, names: &[String]) -> Vec<String> {
        let Eigen { values, vectors } = self.eigen();
        let smallest = (0..self.size)
            .min_by(|&i, &j| values[i].total_cmp(&values[j]))
            .unwrap_or(0);
        names
            .iter()
            .enumerate()
            // An undefined weight is no reason to leave a parameter out.
            .filter(|&(i, _)| {
                let weight = vectors.get(i, smallest).abs();
                weight >= HEAVY || weight.is_nan()
            })
            .map(|(_, name)| name.clone())
            .collect()
    }

    /// By Jacobi rotations (Golub & Van Loan 2013, 8.5).
    fn eigen(&self) -> Eigen {
        let mut matrix = self.clone();
        let mut vectors = Self::identity(self.size);
        for _ in 0..MAX_SWEEPS {
            let mut is_diagonal = true;
            for p in 0..self.size {
                for q in p + 1..self.size {
                    if matrix.get(p, q) != 0.0 {
                        is_diagonal = false;
                        matrix.rotate(&mut vectors, p, q);
                    }
                }
            }
            if is_diagonal {
                break;
            }
        }
        Eigen {
            values: (0..self.size).map(|i| matrix.get(i, i)).collect(),
            vectors,
        }
    }

    /// One Jacobi rotation that clears the cell `(p, q)`.
    fn rotate(&mut self, vectors: &mut Self, p: usize, q: usize) {
        let theta = (self.get(q, q) - self.get(p, p)) / (2.0 * self.get(p, q));
        let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
        let cosine = tangent.hypot(1.0).recip();
        let sine = tangent * cosine;
        let turn = |first: f64, second: f64| {
            (
                cosine * first - sine * second,
                sine * first + cosine * second,
            )
        };
        for k in 0..self.size {
            let (first, second) = turn(self.get(k, p), self.get(k, q));
            self.set(k, p, first);
            self.set(k, q, second);
        }
        for k in 0..self.size {
            let (first, second) = turn(self.get(p, k), self.get(q, k));
            self.set(p, k, first);
            self.set(q, k, second);
            let (first, second) = turn(vectors.get(k, p), vectors.get(k, q));
            vectors.set(k, p, first);
            vectors.set(k, q, second);
        }
        self.set(p, q, 0.0);
        self.set(q, p, 0.0);
    }
}

/// Scalar product.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clv::reference::assert_close;

    fn hilbert(size: usize) -> SquareMatrix {
        let number = |k: usize| f64::from(u32::try_from(k).unwrap());
        SquareMatrix::from_fn(size, |i, j| number(i + j + 1).recip())
    }

    #[test]
    fn inverse_and_eigenvalues_of_the_hilbert_matrix_are_the_known_ones() {
        let inverse = hilbert(3).inverse().unwrap().to_rows();
        let known = [
            [9.0, -36.0, 30.0],
            [-36.0, 192.0, -180.0],
            [30.0, -180.0, 180.0],
        ];
        for (cell, known) in inverse.iter().flatten().zip(known.iter().flatten()) {
            assert_close("inverse", *cell, *known, 1e-12);
        }
        let values = hilbert(3).eigen().values;
        assert_close("trace", values.iter().sum(), 1.0 + 1.0 / 3.0 + 0.2, 1e-14);
        assert_close("determinant", values.iter().product(), 1.0 / 2160.0, 1e-11);
        assert_close(
            "condition",
            hilbert(3).condition_number(),
            524.056_777_586,
            1e-9,
        );
    }

    #[test]
    fn an_indefinite_or_undefined_matrix_has_no_inverse() {
        let indefinite = SquareMatrix::from_fn(2, |i, j| if i == j { 1.0 } else { 2.0 });
        assert_eq!(indefinite.inverse(), None);
        assert!(indefinite.condition_number().is_infinite());
        let undefined = SquareMatrix::from_fn(2, |_, _| f64::NAN);
        assert_eq!(undefined.inverse(), None);
        assert!(undefined.condition_number().is_infinite());
    }

    #[test]
    fn the_flattest_direction_is_named() {
        let matrix =
            SquareMatrix::from_fn(3, |i, j| if i == j { [5.0, 1e-9, 2.0][i] } else { 0.0 });
        let names = ["r".to_owned(), "a".to_owned(), "b".to_owned()];
        assert_eq!(matrix.flattest(&names), ["a"]);
    }
}

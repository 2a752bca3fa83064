import { type Transaction, TransactionConflict, type UnitOfWork } from '../../../ports/unitOfWork.ts';

const attempts = 10;

/** Runs the work again on fresh reads when another writer was faster. */
export const retrying = async <T>(
  unitOfWork: UnitOfWork,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await unitOfWork.transact(work);
    } catch (error) {
      if (!(error instanceof TransactionConflict) || attempt === attempts) throw error;
    }
  }
};
